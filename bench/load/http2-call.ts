import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';

/** gRPC over bare HTTP/2: what a load generator spends on a call should be little. */
export function openSession(address: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const made = connect(`http://${address}`);
    made.once('error', reject);
    made.once('remoteSettings', () => resolve(made));
  });
}

/** Resolves when the call was answered with status OK; rejects with what it was answered else. `onAnswer`: its message has come. */
export function grpcCall(
  session: ClientHttp2Session,
  path: string,
  frame: Buffer,
  onAnswer: () => void = () => undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let end: IncomingHttpHeaders = {};
    // An error comes with the headers, without anything behind them.
    const look = (headers: IncomingHttpHeaders) => {
      if (headers['grpc-status'] !== undefined) end = headers;
    };
    stream.on('response', look);
    stream.on('trailers', look);
    stream.on('data', onAnswer);
    stream.on('error', reject);
    stream.on('close', () => {
      if (end['grpc-status'] === '0') resolve();
      else {
        const message = decodeURIComponent(String(end['grpc-message']));
        reject(new Error(`status ${String(end['grpc-status'])}: ${message}`));
      }
    });
    stream.end(frame);
  });
}
