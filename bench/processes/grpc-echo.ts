import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';

/*
 * grpc-echo BYTES: a grpc-js server without anything behind it. /echo.Echo/Echo answers any message with one of BYTES bytes, which are
 * neither decoded nor encoded: nothing that grpc-js serves is faster. Prints {"port"} when it listens.
 */

const answer = Buffer.alloc(Number(process.argv[2]), 'e');
const same = (bytes: Buffer): Buffer => bytes;
const echo: handleUnaryCall<Buffer, Buffer> = (_call, callback) => callback(null, answer);

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
