import { type handleUnaryCall, Metadata } from '@grpc/grpc-js';
import type { ErrorCode } from '../domain/errors.js';
import type { Authenticate } from './auth.js';
import { requestIdOf } from './call-context.js';
import { createDeadlines } from './deadlines.js';
import type { Drain } from './drain.js';
import { ServedCall } from './served-call.js';
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

/** Every call is a line: a reading that was answered for debugging only, as pollers would drown the rest. */
export interface RpcLog {
  /** Whether lines for debugging are written at all. */
  readonly debugs: boolean;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface UnaryOptions {
  readonly surface: Surface;
  readonly drain: Drain;
  readonly authenticate: Authenticate;
  readonly log: RpcLog;
  readonly observeCall: (record: CallRecord) => void;
}

/**
 * Makes a grpc-js handler of a method. A call is answered once, at the latest at its deadline, even if the handler does not
 * heed its signal.
 */
export function unary(method: RpcMethod, options: UnaryOptions): handleUnaryCall<Buffer, Buffer> {
  const { surface, drain, authenticate, log, observeCall } = options;
  const deadlineMs = method.defaultDeadlineMs;
  const defaults = { deadlineMs, deadlines: createDeadlines(deadlineMs) };
  return (wire, callback) => {
    const started = performance.now();
    const requestId = requestIdOf(wire.metadata);
    let call: ServedCall | null = null;
    let answered = false;

    const count = (code: CallRecord['code']): CallRecord => {
      const record = { surface: surface.name, method: wire.getPath(), code, durationMs: performance.now() - started };
      observeCall(record);
      return record;
    };
    const answer = (response: Buffer): void => {
      if (answered) return;
      answered = true;
      call?.close();
      wire.sendMetadata(new RequestIdHeader(requestId));
      callback(null, response);
      const record = count('OK');
      if (method.reads && !log.debugs) return;
      const line = { ...record, requestId, peer: wire.getPeer(), subject: call?.subject, ...call?.concerns };
      if (method.reads) log.debug(line, 'call');
      else log.info(line, 'call');
    };
    const fail = (error: unknown): void => {
      if (answered) return;
      answered = true;
      call?.close();
      const { failure, unexpected } = toFailure(error);
      callback(toCallStatus(failure, requestId));
      const { code, reason, message } = failure;
      const line = { ...count(code), requestId, peer: wire.getPeer(), reason, error: message };
      if (unexpected) log.error({ ...line, err: error }, 'call failed');
      else log.info(line, 'call');
    };

    try {
      call = new ServedCall(wire, { surface, drain, requestId, subject: authenticate(wire), defaults }, fail);
      method.handle(wire.request, call).then(answer, fail);
    } catch (error) {
      fail(error);
    }
  };
}

/** Response headers without the checks that ours cannot fail: what a request id may look like was seen to. */
class RequestIdHeader extends Metadata {
  constructor(private readonly requestId: string) {
    super();
  }

  override toHttp2Headers(): Record<string, string> {
    return { 'x-request-id': this.requestId };
  }
}
