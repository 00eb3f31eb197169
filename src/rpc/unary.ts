import { type handleUnaryCall, Metadata } from '@grpc/grpc-js';
import { DomainError, type ErrorCode } from '../domain/errors.js';
import type { Authenticate } from './auth.js';
import { deadlineOf, idempotencyKeyOf, requestIdOf, type WireCall } from './call-context.js';
import type { RpcMethod } from './service.js';
import { toCallStatus, toFailure } from './status.js';
import type { Surface } from './surfaces.js';

/** A call that has ended; what metrics count and the log tells. */
export interface CallRecord {
  readonly surface: string;
  /** `/package.Service/Method`, as called. */
  readonly method: string;
  readonly code: 'OK' | ErrorCode;
  readonly durationMs: number;
}

export interface RpcLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface UnaryOptions {
  readonly surface: Surface;
  readonly draining: AbortSignal;
  readonly authenticate: Authenticate;
  readonly log: RpcLog;
  readonly observeCall: (record: CallRecord) => void;
}

/**
 * Makes a grpc-js handler of a method. A call is answered once, at the latest at its deadline, even if the handler does not
 * heed its signal.
 */
export function unary(method: RpcMethod, options: UnaryOptions): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const started = performance.now();
    const requestId = requestIdOf(call.metadata);
    const record = (code: 'OK' | ErrorCode): CallRecord => {
      const durationMs = performance.now() - started;
      return { surface: options.surface.name, method: call.getPath(), code, durationMs };
    };
    answer(method, call, requestId, options).then(
      ({ response, subject }) => {
        call.sendMetadata(header(requestId));
        callback(null, response);
        report(options, record('OK'), { requestId, subject, peer: call.getPeer() });
      },
      (error: unknown) => {
        const { failure, unexpected } = toFailure(error);
        callback(toCallStatus(failure, requestId));
        const { reason, message } = failure;
        const fields = { requestId, peer: call.getPeer(), reason, error: message };
        report(options, record(failure.code), fields, unexpected ? { err: error } : undefined);
      },
    );
  };
}

async function answer(
  method: RpcMethod,
  call: WireCall,
  requestId: string,
  { surface, draining, authenticate }: UnaryOptions,
): Promise<{ response: Buffer; subject: string }> {
  const subject = authenticate(call);
  const idempotencyKey = idempotencyKeyOf(call.metadata);
  const deadline = deadlineOf(call, method.defaultDeadlineMs);
  using end = outerEnd(call, deadline);
  const context = { surface, requestId, subject, idempotencyKey, deadline, signal: end.signal, draining };
  const response = await Promise.race([method.handle(call.request, context), end.reached]);
  return { response, subject };
}

/** The end of a call that comes from outside its handler: `signal` aborts and `reached` rejects, both with the reason. */
function outerEnd(call: WireCall, deadline: number) {
  const controller = new AbortController();
  let reject: (error: DomainError) => void = () => undefined;
  const reached = new Promise<never>((_, rejected) => {
    reject = rejected;
  });
  const end = (code: 'CANCELLED' | 'DEADLINE_EXCEEDED', message: string) => {
    const error = new DomainError({ code, reason: code, message });
    controller.abort(error);
    reject(error);
  };
  const late = () => end('DEADLINE_EXCEEDED', 'the deadline of the call passed before it was answered');
  // grpc-js ends a call at the deadline that its caller set, and tells so in the same way as when the caller leaves. Its timer
  // may be a few milliseconds early.
  const left = () => (Date.now() >= deadline - 10 ? late() : end('CANCELLED', 'the caller left'));
  const timer = setTimeout(late, Math.min(Math.max(deadline - Date.now(), 0), 2 ** 31 - 1));
  call.once('cancelled', left);
  const dispose = () => {
    clearTimeout(timer);
    call.off('cancelled', left);
  };
  return { signal: controller.signal, reached, [Symbol.dispose]: dispose };
}

function report(
  { log, observeCall }: UnaryOptions,
  record: CallRecord,
  fields: object,
  whole?: { err: unknown },
): void {
  observeCall(record);
  if (whole === undefined) log.info({ ...record, ...fields }, 'call');
  else log.error({ ...record, ...fields, ...whole }, 'call failed');
}

function header(requestId: string): Metadata {
  const metadata = new Metadata();
  metadata.set('x-request-id', requestId);
  return metadata;
}
