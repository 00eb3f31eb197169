import { join } from 'node:path';
import {
  Client,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/*
 * The public API as a stranger calls it: messages read from the .proto files at run time, none of the generated code and none of the
 * service's own.
 */

/** `root`: the checkout. */
export function loadApi(root: string): GrpcObject {
  const files = ['containers/v1/container_service.proto', 'operation/v1/operation_service.proto'];
  const includeDirs = [join(root, 'proto'), join(root, 'node_modules/google-proto-files')];
  const shape = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
  return loadPackageDefinition(
    loadSync(
      files.map((file) => join('longshore', file)),
      { includeDirs, ...shape },
    ),
  );
}

/** Nothing is sent twice unseen, and a process that comes back is found soon. */
const CHANNEL = {
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
};

/** `service`: with its package. */
export function clientOf(packages: GrpcObject, service: string, addr: string): Client {
  let found: unknown = packages;
  for (const part of service.split('.')) found = Reflect.get(Object(found), part);
  if (typeof found !== 'function') throw new Error(`there is no service ${service}`);
  const client: unknown = Reflect.construct(found, [addr, credentials.createInsecure(), CHANNEL]);
  if (!(client instanceof Client)) throw new Error(`${service} is no service`);
  return client;
}

export interface CallOptions {
  /** Of idempotency. */
  readonly key: string | null;
  readonly deadlineMs: number;
  /** Sent when a connection is there, rather than given up where there is none. */
  readonly waitForReady: boolean;
}

/** One call, sent once: the reply, unparsed. Rejects with grpc-js' ServiceError. */
export function callOnce(
  client: Client,
  method: string,
  request: object,
  { key, deadlineMs, waitForReady }: CallOptions,
): Promise<unknown> {
  const send: unknown = Reflect.get(client, method);
  if (typeof send !== 'function') throw new Error(`there is no method ${method}`);
  const metadata = new Metadata({ waitForReady });
  if (key !== null) metadata.set('idempotency-key', key);
  return new Promise((resolve, reject) => {
    const answer = (error: ServiceError | null, reply: unknown) => (error ? reject(error) : resolve(reply));
    send.call(client, request, metadata, { deadline: Date.now() + deadlineMs }, answer);
  });
}

/** Field 1 of a message where it is a text: what an operation is about, in the metadata of all of them. Empty where it is not. */
export function firstText(message: Buffer | undefined): string {
  // Length-delimited: tag 0x0a, length, text.
  return message?.[0] === 0x0a ? message.subarray(2, 2 + (message[1] ?? 0)).toString() : '';
}
