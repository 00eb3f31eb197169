import { BinaryReader } from '@bufbuild/protobuf/wire';
import { invalidArgument } from '../domain/errors.js';
import type { CallContext } from './call-context.js';
import { createEncoder, type EncodableType } from './encoder.js';

/** Answers one request, or throws: a DomainError is told to the caller, anything else is logged and answered opaque. */
export type UnaryHandler<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;

/** A service of ours, ready to be served under any surface's name. */
export interface RpcService {
  /** Our full name, `longshore.containers.v1.ContainerService`. */
  readonly name: string;
  readonly methods: readonly RpcMethod[];
}

/** A method from bytes to bytes, so that what goes wrong in coding them is ours to report like any other error. */
export interface RpcMethod {
  readonly name: string;
  /** For calls that set no deadline, milliseconds. */
  readonly defaultDeadlineMs: number;
  /** It changes nothing. */
  readonly reads: boolean;
  readonly handle: UnaryHandler<Buffer, Buffer>;
}

/** Of a generated method definition, what is used here. */
interface MethodDefinition {
  readonly path: string;
  /** Generated code says Buffer only, and hands it to a `decode` that takes a reader as well. */
  requestDeserialize(bytes: Buffer | BinaryReader): unknown;
  responseSerialize(message: never): Buffer;
}

/** One handler for each method of a generated service. */
export type Handlers<Service> = {
  readonly [M in keyof Service]: Service[M] extends {
    requestDeserialize(bytes: Buffer): infer Request;
    responseSerialize(message: infer Response): Buffer;
  }
    ? UnaryHandler<Request, Response>
    : never;
};

/** The types of a service's responses, for those of its methods that are called most: encoding into a kept buffer takes half the time. */
export type ResponseTypes<Service> = {
  readonly [M in keyof Service]?: Service[M] extends { responseSerialize(message: infer Response): Buffer }
    ? EncodableType<Response>
    : never;
};

export interface ServiceOptions<Service> {
  /** Milliseconds, of the methods that may take longer than 30 s. */
  readonly deadlines?: { readonly [M in keyof Service]?: number };
  readonly responses?: ResponseTypes<Service>;
}

const DEFAULT_DEADLINE_MS = 30_000;
/** How the names of methods that change nothing begin. */
const READS = /^(Get|List|Wait)/;

/** Joins a generated service definition with its handlers. */
export function rpcService<Service extends Readonly<Record<string, MethodDefinition>>>(
  definition: Service,
  handlers: Handlers<Service>,
  options?: ServiceOptions<Service>,
): RpcService;
// Iterating forgets which handler belongs to which method; the signature above has made sure of it.
export function rpcService(
  definition: Readonly<Record<string, MethodDefinition>>,
  handlers: Readonly<Record<string, unknown>>,
  options: {
    readonly deadlines?: Readonly<Record<string, number | undefined>>;
    readonly responses?: Readonly<Record<string, EncodableType<never> | undefined>>;
  } = {},
): RpcService {
  const { deadlines = {}, responses = {} } = options;
  const encode = createEncoder();
  const methods = Object.entries(definition).map(([key, coder]) => {
    const handler = handlers[key];
    if (!isHandler(handler)) throw new Error(`${coder.path} has no handler`);
    const type = responses[key];
    const serialize = type ? (response: never) => encode(type, response) : coder.responseSerialize;
    const handle = async (bytes: Buffer, context: CallContext) =>
      serialize(await handler(decode(coder, bytes), context));
    const name = partOf(coder.path, 2);
    return { name, defaultDeadlineMs: deadlines[key] ?? DEFAULT_DEADLINE_MS, reads: READS.test(name), handle };
  });
  const [first] = Object.values(definition);
  return { name: partOf(first?.path, 1), methods };
}

function isHandler(value: unknown): value is UnaryHandler<unknown, never> {
  return typeof value === 'function';
}

/** `/<service>/<method>` */
function partOf(path: string | undefined, part: 1 | 2): string {
  return path?.split('/')[part] ?? '';
}

/** Text that is not UTF-8 is refused, as proto3 demands: by default it would be stored with other characters than were sent. */
const strictly = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What is no UTF-8 leaves a replacement character, and hardly any other text has one: only such texts are looked at twice. */
function utf8(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return text.includes('\ufffd') ? strictly.decode(bytes) : text;
}

/** Unknown fields and enum values pass, for the mapping to judge; this is about bytes that are no message. */
function decode(coder: MethodDefinition, bytes: Buffer): unknown {
  try {
    return coder.requestDeserialize(new BinaryReader(bytes, utf8));
  } catch {
    const description = 'the bytes of the request are not a message of its type';
    throw invalidArgument([{ field: '', description }], 'MALFORMED_REQUEST');
  }
}
