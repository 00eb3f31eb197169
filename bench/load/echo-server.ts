import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';

/**
 * Serves /echo.Echo/Echo on a free port, bare: messages are neither decoded nor encoded, and nothing of ours is in between. Prints {"port"} when it
 * listens.
 */
export function serveEcho(echo: handleUnaryCall<Buffer, Buffer>): void {
  const server = new Server();
  server.addService(
    {
      echo: {
        path: '/echo.Echo/Echo',
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    { echo },
  );
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${JSON.stringify({ port })}\n`);
  });
}

const same = (bytes: Buffer): Buffer => bytes;
