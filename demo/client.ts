import { credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { treePath } from '../src/paths.js';

export type Json = { readonly [field: string]: unknown };

/** Calls any method by its name with JSON, from the .proto files alone: nothing generated. */
export interface DynamicClient {
  readonly addr: string;
  call(service: string, method: string, request: Json): Promise<Json>;
  close(): void;
}

interface AnyClient {
  readonly [method: string]: (
    request: Json,
    options: { readonly deadline: number },
    answer: (error: ServiceError | null, response: Json) => void,
  ) => void;
}

/** A service that hangs must not hang its caller. */
const DEADLINE_MS = 30_000;

const FILES = ['containers/v1/container_service.proto', 'operation/v1/operation_service.proto'];

export function dynamicClient(addr: string): DynamicClient {
  const includeDirs = [treePath('proto'), treePath('node_modules', 'google-proto-files')];
  const names = FILES.map((file) => `longshore/${file}`);
  const options = { includeDirs, keepCase: true, longs: String, enums: String, json: true, defaults: false };
  const root = loadPackageDefinition(loadSync(names, options));
  const clients = new Map<string, AnyClient & { close(): void }>();
  const clientOf = (service: string) => {
    const known = clients.get(service);
    if (known) return known;
    const Client = service.split('.').reduce<unknown>((node, name) => Reflect.get(Object(node), name), root);
    if (typeof Client !== 'function') throw new Error(`the .proto files have no ${service}`);
    const made = Reflect.construct(Client, [addr, credentials.createInsecure()]);
    clients.set(service, made);
    return made;
  };
  return {
    addr,
    call: (service, method, request) =>
      new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + DEADLINE_MS };
        clientOf(service)[method](request, options, (error: ServiceError | null, response: Json) =>
          error ? reject(error) : resolve(response),
        );
      }),
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}
