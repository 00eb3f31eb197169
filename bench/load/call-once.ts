import { Client, credentials } from '@grpc/grpc-js';
import type { GrpcLoad } from './h2load.js';

/** Asks once, through an ordinary client, and resolves with the bytes of the answer's message; rejects unless it is OK. */
export function callOnce({ address, path, request }: Pick<GrpcLoad, 'address' | 'path' | 'request'>): Promise<Buffer> {
  const client = new Client(address, credentials.createInsecure());
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, Buffer.from(request), (error, answer) => {
      client.close();
      if (answer === undefined) reject(error ?? new Error(`${path} answered nothing`));
      else resolve(answer);
    });
  });
}
