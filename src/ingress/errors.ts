import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** The statuses that the ingress answers by itself; every other status comes from an instance. */
export type IngressStatus = 400 | 404 | 405 | 408 | 429 | 431 | 501 | 502 | 503 | 504;

/** An answer of the ingress itself. The message is for the caller; it names no host and no address. */
export class IngressError extends Error {
  override readonly name = 'IngressError';
  constructor(
    readonly status: IngressStatus,
    message: string,
    readonly retryAfterSeconds: number | null = null,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

const REASONS: Record<IngressStatus, string> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** `{"errorCode": 502, "errorMessage": "...", "errorType": "ServerError"}`; ClientError for a status below 500. */
export function errorBody(error: IngressError): string {
  const errorType = error.status < 500 ? 'ClientError' : 'ServerError';
  return `${JSON.stringify({ errorCode: error.status, errorMessage: error.message, errorType })}\n`;
}

function errorHeaders(error: IngressError, body: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...(error.retryAfterSeconds === null ? {} : { 'retry-after': String(error.retryAfterSeconds) }),
  };
}

/**
 * Ends an answer that did not come to its end. By a reset: where nothing but the end of the connection says that an answer is
 * whole, an ordinary end would say so.
 */
export function breakOff(response: ServerResponse): void {
  const { socket } = response;
  if (socket === null) {
    // Behind another one on the same connection, which is to be whole.
    response.once('socket', breakOffSocket);
    response.destroy();
  } else breakOffSocket(socket);
}

export function breakOffSocket(socket: Duplex): void {
  if (socket instanceof Socket && !socket.destroyed) socket.resetAndDestroy();
  else socket.destroy();
}

/** Answers with the error, or, where an answer is under way already, breaks it off so that nobody takes it for whole. */
export function answerError(
  response: ServerResponse,
  error: IngressError,
  requestId: string | null,
  close: boolean,
): void {
  if (response.headersSent) return breakOff(response);
  const body = errorBody(error);
  // Without a reason of ours, Node takes one that an instance's answer may have left behind.
  response.writeHead(error.status, REASONS[error.status], {
    ...errorHeaders(error, body),
    ...(requestId === null ? {} : { 'x-request-id': requestId }),
    ...(close ? { connection: 'close' } : {}),
  });
  response.end(body);
}

/** The same answer as bytes, for a connection that has no response object: one that did not parse, or that asked for an upgrade. */
export function rawError(error: IngressError, requestId: string | null): string {
  const body = errorBody(error);
  const headers = {
    ...errorHeaders(error, body),
    ...(requestId === null ? {} : { 'x-request-id': requestId }),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${error.status} ${REASONS[error.status]}\r\n${lines.join('')}\r\n${body}`;
}
