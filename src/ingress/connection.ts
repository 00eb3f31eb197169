import { connect, type Socket } from 'node:net';
import type { RouteTarget } from '../domain/route.js';
import { type AnswerHead, AnswerParser } from './answer-parser.js';

/**
 * The memory that all connections read into, each for as long as it takes to deal with what came: a server that sends little
 * costs no memory of its own.
 */
export const createSharedMemory = () => Buffer.allocUnsafeSlow(LENT_BYTES);

/** How much comes in shared memory at the most. */
export const LENT_BYTES = 64 * 1024;
/** Of a connection whose answer has filled the shared memory, until that answer is whole. */
const OWN_BYTES = 256 * 1024;

export interface ConnectionOptions {
  /** Of createSharedMemory. */
  readonly shared: Buffer;
  readonly connectTimeoutMs: number;
  /** Of an answer, in bytes. */
  readonly maxHeaderSize: number;
}

/** A request as it goes out. */
export interface UpstreamRequest {
  /** Start line and header fields, with the empty line at their end, in Latin-1. */
  readonly head: string;
  readonly body: 'NONE' | 'LENGTH' | 'CHUNKED';
  /** Whether it asks for no body whatever length the answer names: HEAD. */
  readonly bodiless: boolean;
}

/** What becomes of a request, in this order. `closed` comes last and once, whatever happened. */
export interface ExchangeListener {
  /** There is a connection, so that the body can be sent. From here on the instance may have seen the request. */
  connected(): void;
  interim(head: AnswerHead): void;
  head(head: AnswerHead): void;
  /**
   * `last`: nothing of the body follows it. The memory is read into again: up to LENT_BYTES are to be copied or used up before this
   * returns; more are so as well, or reading is paused until they are, or they are the last.
   */
  body(bytes: Buffer, last: boolean): void;
  ended(trailers: readonly string[]): void;
  /** There is room again for the request's body. */
  drained(): void;
  /** Null: request and answer were both whole. */
  closed(error: Error | null): void;
}

/** One request and its answer on a connection. Does nothing any more once it is closed, even if its connection goes on. */
export interface Exchange {
  /** False only if the connection was never established, which proves that not a byte of the request has left. */
  readonly mayHaveSent: boolean;
  /** Sends a part of the body, which stays as it is. False: `drained` says when to go on. */
  write(bytes: Buffer): boolean;
  /** The body is whole. Trailers, as names and values in turn, go out where the body is chunked. */
  end(trailers: readonly string[]): void;
  /** Whether the answer is to be read on. Parts that were read already still come. */
  pause(): void;
  resume(): void;
  /** Breaks the connection. */
  destroy(error: Error): void;
}

/** Whose connection it is. */
export interface Home {
  /** Monotonic, in milliseconds, and perhaps a little late: it is asked for every packet. */
  readonly clock: number;
  /** A connection that could be used again is free; false if it is to be closed. */
  takeBack(connection: Connection): boolean;
  /** It has closed, or is about to: no use can be made of it. */
  gone(connection: Connection): void;
}

/** A connection to an instance, for one exchange at a time. */
export class Connection {
  readonly #socket: Socket;
  readonly #parser: AnswerParser;
  readonly #home: Home;
  #own: Buffer | null = null;
  #established = false;
  #firstHead: string | null = null;
  #exchange: ConnectionExchange | null = null;
  #failure: Error | null = null;
  #reusable = false;
  /** How long the instance says that it keeps a resting connection, in seconds; null where it does not say. */
  keepAliveSeconds: number | null = null;
  /** When something last moved on it. */
  activeAt: number;

  constructor({ address, port }: RouteTarget, options: ConnectionOptions, home: Home) {
    this.#home = home;
    this.activeAt = home.clock;
    this.#parser = new AnswerParser(
      {
        interim: (head) => this.#exchange?.listener.interim(head),
        head: (head) => this.#onHead(head),
        body: (bytes, last) => this.#exchange?.listener.body(bytes, last),
        ended: (trailers, surplus) => this.#onEnded(trailers, surplus),
      },
      options.maxHeaderSize,
    );
    this.#socket = connect({
      host: address,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 1_000,
      onread: {
        buffer: () => this.#own ?? options.shared,
        callback: (count, memory) => {
          this.#onData(memory, count);
          return true;
        },
      },
    });
    const timer = setTimeout(
      () => this.destroy(new Error(`no connection within ${options.connectTimeoutMs} ms`)),
      options.connectTimeoutMs,
    );
    this.#socket.once('connect', () => {
      clearTimeout(timer);
      this.#onConnect();
    });
    this.#socket.on('drain', () => this.#onDrain());
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('error', (error) => {
      this.#failure ??= error;
    });
    this.#socket.once('close', () => {
      clearTimeout(timer);
      this.#onClose();
    });
  }

  /** Sends a request on a connection that is new, or that was taken back. */
  begin(request: UpstreamRequest, listener: ExchangeListener): Exchange {
    const exchange = new ConnectionExchange(this, listener, request.body === 'CHUNKED', request.body === 'NONE');
    this.#exchange = exchange;
    this.#reusable = false;
    this.#parser.begin(request.bodiless);
    if (this.#established) this.#send(request.head, exchange);
    else this.#firstHead = request.head;
    return exchange;
  }

  get established(): boolean {
    return this.#established;
  }

  get resting(): boolean {
    return this.#exchange === null;
  }

  /** Whether its exchange has come to the answer. */
  get answering(): boolean {
    return this.#exchange?.answered ?? false;
  }

  destroy(error: Error): void {
    this.#failure ??= error;
    this.#parser.stop();
    this.#socket.destroy();
    this.#home.gone(this);
  }

  write(bytes: Buffer, chunked: boolean): boolean {
    this.activeAt = this.#home.clock;
    // A stream asks to wait after each large part, even if the kernel has taken the whole of it.
    if (!chunked) return this.#socket.write(bytes) || this.#socket.writableLength === 0;
    this.#socket.cork();
    this.#socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(bytes);
    const room = this.#socket.write('\r\n', 'latin1');
    process.nextTick(() => this.#socket.uncork());
    return room;
  }

  writeEnd(trailers: readonly string[]): void {
    let text = '0\r\n';
    for (let index = 0; index < trailers.length; index += 2) text += `${trailers[index]}: ${trailers[index + 1]}\r\n`;
    this.#socket.write(`${text}\r\n`, 'latin1');
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The request is whole as well. */
  settle(exchange: ConnectionExchange): void {
    this.#exchange = null;
    if (this.#socket.isPaused()) this.#socket.resume();
    const kept = this.#reusable && !this.#socket.destroyed && this.#home.takeBack(this);
    if (!kept) this.destroy(new Error('the connection is not used again'));
    exchange.close(null);
  }

  #onConnect(): void {
    this.#established = true;
    const head = this.#firstHead;
    this.#firstHead = null;
    if (head !== null && this.#exchange !== null) this.#send(head, this.#exchange);
  }

  #send(head: string, exchange: ConnectionExchange): void {
    if (exchange.requestEnded) {
      this.#socket.write(head, 'latin1');
      exchange.listener.connected();
      return;
    }
    // The first part of the body, if it is there already, shares a packet with the header: a stream gives it out in the next tick.
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    exchange.listener.connected();
    process.nextTick(() => this.#socket.uncork());
  }

  #onData(memory: Uint8Array, count: number): void {
    this.activeAt = this.#home.clock;
    if (this.#exchange === null) return this.destroy(new Error('the instance spoke unasked'));
    if (count === LENT_BYTES) this.#own ??= Buffer.allocUnsafeSlow(OWN_BYTES);
    try {
      this.#parser.push(Buffer.from(memory.buffer, memory.byteOffset, count));
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #onHead(head: AnswerHead): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#reusable = head.reusable;
    this.keepAliveSeconds = head.keepAliveSeconds;
    exchange.answered = true;
    exchange.listener.head(head);
  }

  #onEnded(trailers: readonly string[], surplus: boolean): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    // Its last part may be on its way from there still.
    this.#own = null;
    if (surplus) this.#reusable = false;
    exchange.answerEnded = true;
    exchange.listener.ended(trailers);
    if (exchange.requestEnded && this.#exchange === exchange) this.settle(exchange);
  }

  #onDrain(): void {
    this.activeAt = this.#home.clock;
    this.#exchange?.listener.drained();
  }

  #onEnd(): void {
    if (this.#exchange !== null) this.#parser.finish();
    this.destroy(new Error('the instance ended the connection'));
  }

  #onClose(): void {
    this.#home.gone(this);
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.close(this.#failure ?? new Error('the connection closed'));
  }
}

class ConnectionExchange implements Exchange {
  readonly listener: ExchangeListener;
  readonly #chunked: boolean;
  #connection: Connection | null;
  #sent = false;
  requestEnded: boolean;
  answered = false;
  answerEnded = false;

  constructor(connection: Connection, listener: ExchangeListener, chunked: boolean, requestEnded: boolean) {
    this.#connection = connection;
    this.listener = listener;
    this.#chunked = chunked;
    this.requestEnded = requestEnded;
  }

  get mayHaveSent(): boolean {
    return this.#connection?.established ?? this.#sent;
  }

  write(bytes: Buffer): boolean {
    return this.#connection?.write(bytes, this.#chunked) ?? true;
  }

  end(trailers: readonly string[]): void {
    const connection = this.#connection;
    if (connection === null || this.requestEnded) return;
    this.requestEnded = true;
    if (this.#chunked) connection.writeEnd(trailers);
    if (this.answerEnded) connection.settle(this);
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  destroy(error: Error): void {
    this.#connection?.destroy(error);
  }

  close(error: Error | null): void {
    this.#sent = this.mayHaveSent;
    this.#connection = null;
    this.listener.closed(error);
  }
}
