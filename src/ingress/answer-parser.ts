/** The header of an answer, final or interim. */
export interface AnswerHead {
  readonly status: number;
  /** As it came, which may be with control characters in it. */
  readonly reason: string;
  /** Names and values in turn, in the instance's order and spelling. */
  readonly fields: readonly string[];
  /** Of these fields, in small letters where it is a list of words; undefined where the answer has none. */
  readonly connection: string | undefined;
  readonly transferEncoding: string | undefined;
  /** Whether the instance says that the connection may be used again, and its body has an end of its own. */
  readonly reusable: boolean;
  /** For how many seconds the instance says that it keeps a resting connection; null where it does not say. */
  readonly keepAliveSeconds: number | null;
}

/** Takes what the parser finds, in the order in which it came. */
export interface AnswerSink {
  interim(head: AnswerHead): void;
  head(head: AnswerHead): void;
  /** A part of the body, in the memory that was given to `push`. `last`: it is known already that the body ends with it. */
  body(bytes: Buffer, last: boolean): void;
  /** The answer is whole. `surplus`: more bytes came than belong to it, so what they mean is anybody's guess. */
  ended(trailers: readonly string[], surplus: boolean): void;
}

/** What came is no answer in HTTP/1. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

type State = 'HEAD' | 'LENGTH' | 'CHUNK_SIZE' | 'CHUNK' | 'CHUNK_END' | 'TRAILERS' | 'UNTIL_CLOSE' | 'OVER';

const STATUS_LINE = /^HTTP\/1\.[01] \d{3}(?: .*)?$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const CHUNK_SIZE = /^([0-9a-fA-F]{1,13})[ \t]*(?:;.*)?$/;
const MAX_CHUNK_LINE = 4096;
const LINE_FEED = 10;
const NOTHING = Buffer.alloc(0);

/**
 * Reads the answers of one connection, one at a time. Strict where leniency would leave room for two readings of the same bytes:
 * lines end with CR LF, and a message has one length.
 */
export class AnswerParser {
  readonly #sink: AnswerSink;
  readonly #maxHeaderSize: number;
  #state: State = 'OVER';
  #bodiless = false;
  /** Of a header, or of a line within a chunked body, that has not come to its end. */
  #partial: Buffer = NOTHING;
  #left = 0;
  #trailers: string[] = [];
  #trailerSize = 0;

  constructor(sink: AnswerSink, maxHeaderSize: number) {
    this.#sink = sink;
    this.#maxHeaderSize = maxHeaderSize;
  }

  /** The next bytes are an answer. `bodiless`: to HEAD, so that its length is not that of a body. */
  begin(bodiless: boolean): void {
    this.#state = 'HEAD';
    this.#bodiless = bodiless;
    this.#partial = NOTHING;
  }

  /** Keeps nothing of the memory. Throws AnswerError; nothing more may be given to it then. */
  push(bytes: Buffer): void {
    let at = 0;
    if (this.#partial.length > 0) {
      bytes = Buffer.concat([this.#partial, bytes]);
      this.#partial = NOTHING;
    }
    while (at < bytes.length && this.#state !== 'OVER') at = this.#step(bytes, at);
  }

  /** Nothing more comes. Where only that says that a body is whole, this is its end. */
  finish(): void {
    if (this.#state === 'UNTIL_CLOSE') this.#end(false);
  }

  /** Nothing that was begun is read on. */
  stop(): void {
    this.#state = 'OVER';
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'HEAD':
        return this.#readHead(bytes, at);
      case 'LENGTH':
        return this.#readBody(bytes, at, true);
      case 'CHUNK':
        return this.#readBody(bytes, at, false);
      case 'UNTIL_CLOSE':
        this.#sink.body(at === 0 ? bytes : bytes.subarray(at), false);
        return bytes.length;
      default:
        return this.#readLine(bytes, at);
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const end = bytes.indexOf('\r\n\r\n', at, 'latin1');
    if ((end < 0 ? bytes.length : end) - at > this.#maxHeaderSize) throw new AnswerError('the header is too large');
    if (end < 0) {
      this.#partial = Buffer.from(bytes.subarray(at));
      return bytes.length;
    }
    const { head, framing } = parseHead(bytes.toString('latin1', at, end), this.#bodiless);
    const next = end + 4;
    if (head.status >= 100 && head.status < 200 && head.status !== 101) {
      this.#sink.interim(head);
      return next;
    }
    this.#left = typeof framing === 'number' ? framing : 0;
    this.#state = typeof framing === 'number' ? 'LENGTH' : framing;
    this.#sink.head(head);
    if (this.#state === 'LENGTH' && framing === 0) this.#end(next < bytes.length);
    return next;
  }

  #readBody(bytes: Buffer, at: number, isWhole: boolean): number {
    const end = Math.min(at + this.#left, bytes.length);
    this.#left -= end - at;
    const last = isWhole && this.#left === 0;
    if (this.#left === 0 && !isWhole) this.#state = 'CHUNK_END';
    this.#sink.body(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end), last);
    if (last && this.#state === 'LENGTH') this.#end(end < bytes.length);
    return end;
  }

  #readLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LINE_FEED, at);
    const limit = this.#state === 'TRAILERS' ? this.#maxHeaderSize - this.#trailerSize : MAX_CHUNK_LINE;
    if ((end < 0 ? bytes.length : end) - at > limit) throw new AnswerError('a line within the body is too long');
    if (end < 0) {
      this.#partial = Buffer.from(bytes.subarray(at));
      return bytes.length;
    }
    if (end === at || bytes[end - 1] !== 13) throw new AnswerError('a line within the body does not end with CR LF');
    this.#onLine(bytes.toString('latin1', at, end - 1), end + 1 < bytes.length);
    return end + 1;
  }

  #onLine(line: string, surplus: boolean): void {
    if (this.#state === 'CHUNK_END') {
      if (line !== '') throw new AnswerError('a chunk is longer than it says');
      this.#state = 'CHUNK_SIZE';
    } else if (this.#state === 'CHUNK_SIZE') {
      const size = CHUNK_SIZE.exec(line)?.[1];
      if (size === undefined) throw new AnswerError('a chunk has no size');
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? 'TRAILERS' : 'CHUNK';
      this.#trailers = [];
      this.#trailerSize = 0;
    } else if (line === '') this.#end(surplus);
    else {
      this.#trailerSize += line.length;
      pushField(line, 0, line.length, this.#trailers);
    }
  }

  #end(surplus: boolean): void {
    this.#state = 'OVER';
    const trailers = this.#trailers;
    this.#trailers = [];
    this.#sink.ended(trailers, surplus);
  }
}

/** Its line is that part of the text: what need not be cut out of a header that comes with every answer is not. */
function pushField(text: string, from: number, to: number, fields: string[]): void {
  const colon = text.indexOf(':', from);
  const name = text.slice(from, colon < to ? Math.max(colon, from) : from);
  const value = withoutSpaceAround(text, colon + 1, to);
  if (!TOKEN.test(name) || NOT_IN_VALUE.test(value)) throw new AnswerError('a header field is malformed');
  fields.push(name, value);
}

/** Not trim(), which knows more kinds of space than HTTP does. */
function withoutSpaceAround(text: string, from: number, to: number): string {
  while (from < to && isSpace(text.charCodeAt(from))) from += 1;
  while (from < to && isSpace(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

const isSpace = (code: number) => code === 32 || code === 9;

/** A body's length in bytes, or what else says where it ends. */
type Framing = number | 'CHUNK_SIZE' | 'UNTIL_CLOSE';

function parseHead(text: string, toHead: boolean): { readonly head: AnswerHead; readonly framing: Framing } {
  let end = text.indexOf('\r\n');
  const line = end < 0 ? text : text.slice(0, end);
  if (!STATUS_LINE.test(line)) throw new AnswerError('there is no status line');
  // All but the reason is of fixed length.
  const [minor, status, reason] = [line[7], Number(line.slice(9, 12)), line.slice(13)];
  const fields: string[] = [];
  while (end >= 0) {
    const from = end + 2;
    end = text.indexOf('\r\n', from);
    pushField(text, from, end < 0 ? text.length : end, fields);
  }
  const known = knownFields(fields);
  const framing = framingOf(known, toHead || status === 204 || status === 304);
  const persistent = minor === '1' ? !names(known.connection, 'close') : names(known.connection, 'keep-alive');
  const { connection, transferEncoding } = known;
  const reusable = persistent && framing !== 'UNTIL_CLOSE';
  return {
    head: { status, reason, fields, connection, transferEncoding, reusable, keepAliveSeconds: secondsIn(known) },
    framing,
  };
}

const names = (list: string | undefined, word: string) =>
  list === word || (list?.split(',').some((one) => one.trim() === word) ?? false);

function secondsIn({ keepAlive }: KnownFields): number | null {
  const seconds = keepAlive === undefined ? undefined : /timeout=(\d+)/.exec(keepAlive)?.[1];
  return seconds === undefined ? null : Number(seconds);
}

function framingOf({ transferEncoding, contentLength }: KnownFields, bodiless: boolean): Framing {
  if (transferEncoding !== undefined && contentLength !== undefined) throw new AnswerError('there are two lengths');
  const length = contentLength !== undefined && /^\d+$/.test(contentLength) ? Number(contentLength) : Number.NaN;
  if (contentLength !== undefined && !Number.isSafeInteger(length)) throw new AnswerError('the length is no number');
  if (bodiless) return 0;
  if (transferEncoding !== undefined) return transferEncoding === 'chunked' ? 'CHUNK_SIZE' : 'UNTIL_CLOSE';
  return contentLength === undefined ? 'UNTIL_CLOSE' : length;
}

interface KnownFields {
  connection?: string | undefined;
  transferEncoding?: string | undefined;
  contentLength?: string | undefined;
  keepAlive?: string | undefined;
}

function knownFields(fields: readonly string[]): KnownFields {
  const known: KnownFields = {};
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    // By their lengths: few other fields come further than that.
    if (name.length !== 10 && name.length !== 14 && name.length !== 17) continue;
    const value = fields[index + 1] ?? '';
    switch (name.toLowerCase()) {
      case 'connection':
        known.connection = joined(known.connection, value);
        break;
      case 'transfer-encoding':
        known.transferEncoding = joined(known.transferEncoding, value);
        break;
      case 'keep-alive':
        known.keepAlive = joined(known.keepAlive, value);
        break;
      case 'content-length':
        if (known.contentLength !== undefined) throw new AnswerError('there are two lengths');
        known.contentLength = value;
        break;
    }
  }
  return known;
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value.toLowerCase() : `${before}, ${value.toLowerCase()}`;
}
