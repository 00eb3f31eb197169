import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { AnswerHead } from './answer-parser.js';
import { IngressError } from './errors.js';

/** Of one connection, never of the message: made anew for the next one. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** `Connection: content-length` and the like must not change where a message ends or whom it is for. */
const NEVER_NAMED = new Set(['content-length', 'transfer-encoding', 'host', 'x-request-id']);

/** Who the caller is, as told by the caller. The first hop that can be believed is this ingress. */
const UNTRUSTED = new Set(['forwarded', 'x-real-ip', 'x-request-id']);

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** The caller's X-Request-Id if it is short and printable, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Whether the message says that a body follows. */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
}

/** Refuses (400, 431, 501) what could mean one thing to us and another to an instance. Node's parser has refused the rest. */
export function checkRequest(request: IncomingMessage, maxHeaders: number): void {
  const raw = request.rawHeaders;
  if (raw.length / 2 > maxHeaders) throw new IngressError(431, `a request may have ${maxHeaders} header fields`);
  let hosts = 0;
  for (let index = 0; index < raw.length; index += 2)
    if (raw[index]?.length === 4 && raw[index]?.toLowerCase() === 'host') hosts += 1;
  if (hosts !== 1) throw new IngressError(400, 'a request needs one Host header');
  const url = request.url ?? '';
  const ownForm = url.startsWith('/') || (url === '*' && request.method === 'OPTIONS');
  if (!ownForm) throw new IngressError(400, 'the request target must be a path');
  // Node's parser lets a few through that have no place in a start line.
  if (/[^\x21-\xff]/.test(url)) throw new IngressError(400, 'the request target has characters that it may not have');
  checkFraming(request);
}

function checkFraming(request: IncomingMessage): void {
  const coding = request.headers['transfer-encoding'];
  if (coding === undefined) return;
  if (request.headers['content-length'] !== undefined || request.httpVersion !== '1.1')
    throw new IngressError(400, 'Transfer-Encoding goes neither with Content-Length nor with HTTP/1.0');
  if (coding.trim().toLowerCase() !== 'chunked')
    throw new IngressError(501, 'the only transfer coding here is chunked');
}

/** Names that a Connection header declares to be of this connection only. Most messages have none: undefined. */
function namedByConnection(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined) return undefined;
  const lower = connection.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close') return undefined;
  const names = lower.split(',').map((name) => name.trim());
  return new Set(names.filter((name) => !NEVER_NAMED.has(name)));
}

export interface RequestContext {
  readonly requestId: string;
  /** How the caller reached this ingress. */
  readonly proto: 'http' | 'https';
  /** Keeps Connection: Upgrade and the protocol that is asked for. */
  readonly upgrade: boolean;
}

/** The header fields for the instance, as a flat list of names and values in the caller's order and spelling. */
export function requestHeaders(request: IncomingMessage, context: RequestContext): string[] {
  const raw = request.rawHeaders;
  const named = namedByConnection(request.headers.connection);
  const out: string[] = [];
  let forwardedFor = '';
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'x-forwarded-for') forwardedFor += `${value}, `;
    else if (HOP_BY_HOP.has(lower) || UNTRUSTED.has(lower) || lower.startsWith('x-forwarded-')) continue;
    else if (named?.has(lower)) continue;
    else out.push(name, value);
  }
  pushFraming(request, out);
  if (context.upgrade) out.push('Connection', 'Upgrade', 'Upgrade', request.headers.upgrade ?? '');
  else out.push('Connection', 'keep-alive');
  if (/(^|,)\s*trailers\s*(,|$)/i.test(String(request.headers.te ?? ''))) out.push('TE', 'trailers');
  const host = request.headers.host ?? '';
  out.push('X-Forwarded-For', forwardedFor + (request.socket.remoteAddress ?? 'unknown'));
  out.push('X-Forwarded-Proto', context.proto, 'X-Forwarded-Host', host, 'X-Request-Id', context.requestId);
  return out;
}

function pushFraming(request: IncomingMessage, out: string[]): void {
  if (request.headers['transfer-encoding'] !== undefined) out.push('Transfer-Encoding', 'chunked');
  else if (request.headers['content-length'] === undefined && /^(POST|PUT|PATCH)$/.test(request.method ?? ''))
    out.push('Content-Length', '0');
}

/** A message's head as bytes in Latin-1: its start line, its fields (names and values in turn), and the empty line. */
export function headOf(startLine: string, fields: readonly string[]): string {
  let text = `${startLine}\r\n`;
  for (let index = 0; index < fields.length; index += 2) text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return `${text}\r\n`;
}

/** What is passed on of an answer, whoever has read it. */
export type Answer = Pick<AnswerHead, 'status' | 'reason' | 'fields' | 'connection' | 'transferEncoding'>;

export function answerOf(message: IncomingMessage): Answer {
  const { statusCode: status = 0, statusMessage: reason = '', rawHeaders: fields, headers } = message;
  return { status, reason, fields, connection: headers.connection, transferEncoding: headers['transfer-encoding'] };
}

/** Why an answer cannot be passed on (502); null if it can. */
export function faultOf({ status, transferEncoding }: Answer): IngressError | null {
  if (status === 101) return new IngressError(502, 'the container switched to a protocol that nobody asked for');
  if (status < 200 || status > 999)
    return new IngressError(502, 'the container answered with a status that does not exist');
  if (transferEncoding !== undefined && transferEncoding.trim().toLowerCase() !== 'chunked')
    return new IngressError(502, 'the container answered in a transfer coding that is not chunked');
  return null;
}

/** An answer's reason if it may stand in a status line, else the usual one for its status. */
export function reasonOf({ status, reason }: Answer): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(reason) ? reason : (STATUS_CODES[status] ?? '');
}

/** The header fields for the caller. */
export function responseHeaders({ fields, connection }: Answer, requestId: string): string[] {
  const named = namedByConnection(connection);
  const out: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || lower === 'x-request-id' || named?.has(lower)) continue;
    out.push(name, fields[index + 1] ?? '');
  }
  out.push('X-Request-Id', requestId);
  return out;
}

const NEVER_TRAILERS = new Set([
  ...HOP_BY_HOP,
  ...UNTRUSTED,
  'content-length',
  'host',
  'trailer',
  'authorization',
  'cookie',
]);

/** Of a message's trailer fields, names and values in turn, those that may travel on: they say nothing about framing, routing or who is asking. */
export function trailersOf(fields: readonly string[]): string[] {
  const out: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    const lower = name.toLowerCase();
    if (!NEVER_TRAILERS.has(lower) && !lower.startsWith('x-forwarded-')) out.push(name, fields[index + 1] ?? '');
  }
  return out;
}
