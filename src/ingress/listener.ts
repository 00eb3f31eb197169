import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { answerError, IngressError, rawError } from './errors.js';
import { type ProxyDeps, proxy } from './proxy.js';
import { isTunnel, upgrade, withoutUpgrade } from './upgrade.js';

export interface ListenerOptions {
  readonly maxConnections: number;
  readonly maxHeaders: number;
  readonly maxHeaderSize: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly lingerMs: number;
}

/** The callers' side: connections, what does not parse, and the end of it all. */
export interface Listener {
  /** Rejects if the address cannot be had. */
  listen(addr: { readonly host: string; readonly port: number }): Promise<void>;
  address(): AddressInfo;
  /** Accepts no more; resolves when the last exchange has ended, or at the deadline, after which no connection is left. */
  drain(deadlineMs: number): Promise<void>;
}

export function createListener(options: ListenerOptions, deps: Omit<ProxyDeps, 'stopping'>): Listener {
  const callers = createCallers();
  let stopping = false;
  const proxyDeps: ProxyDeps = { ...deps, stopping: () => stopping };

  const server = createServer({
    maxHeaderSize: options.maxHeaderSize,
    headersTimeout: options.headersTimeoutMs,
    keepAliveTimeout: options.keepAliveMs,
    connectionsCheckingInterval: Math.min(5_000, options.headersTimeoutMs),
    // A body may take as long as it likes while it moves; the container's own deadline bounds the rest.
    requestTimeout: 0,
    noDelay: true,
    // A missing one is refused like everything else that is wrong with a header.
    requireHostHeader: false,
  });
  server.maxConnections = options.maxConnections;
  // Node drops what is over the limit without a word. One more than is allowed lets the check see that there are too many.
  server.maxHeadersCount = options.maxHeaders + 1;

  // Node's own closeIdleConnections leaves those that have not yet sent a request.
  function closeIdle(): void {
    for (const { socket, underWay } of callers.all()) if (underWay === 0) socket.destroy();
  }

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    const caller = callers.of(request.socket);
    callers.begin(caller);
    caller.open.push(response);
    const passage = proxy(proxyDeps, request, response);
    let closed = false;
    // Not once(), whose wrapper costs more than this.
    response.on('close', () => {
      if (closed) return;
      closed = true;
      caller.open.splice(caller.open.indexOf(response), 1);
      callers.end(caller);
      passage.left();
      if (stopping) setImmediate(closeIdle);
    });
  }

  /**
   * Until the answers to earlier requests on the connection are through. Node has let go of it altogether by then, but for the
   * order of those answers.
   */
  function upgradeLater(caller: Caller, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const onDrain = () => {
      for (const response of [...caller.open]) if (response.socket) response.emit('drain');
    };
    socket.on('error', () => socket.destroy());
    socket.on('drain', onDrain);
    // Where it cannot be overtaken by the connection's end.
    if (head.length > 0) socket.unshift(head);
    caller.onIdle ??= () => {
      socket.removeListener('drain', onDrain);
      request.socket.setTimeout(0);
      if (socket.destroyed || !socket.writable) return;
      if (stopping) socket.destroy();
      else onUpgrade(request, socket, Buffer.alloc(0));
    };
  }

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const caller = callers.of(socket);
    if (caller.underWay > 0) return upgradeLater(caller, request, socket, head);
    if (!isTunnel(request)) {
      socket.unshift(Buffer.concat([withoutUpgrade(request), head]));
      server.emit('connection', socket);
      return;
    }
    callers.begin(caller);
    socket.once('close', () => callers.end(caller));
    void upgrade(proxyDeps, request, socket, head);
  }

  /** What does not parse is answered in its turn: it costs no other request on its connection its answer. */
  function onMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
    const caller = callers.of(socket);
    if (caller.underWay === 0) return refuse(socket, error, options.lingerMs);
    const last = caller.open.at(-1);
    if (last === undefined) socket.destroy();
    else if (last.req.complete) caller.onIdle ??= () => onMalformed(error, socket);
    else if (!last.headersSent) answerError(last, refusalOf(error), null, true);
    else if (!last.writableEnded) socket.destroy();
  }

  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('upgrade', onUpgrade);
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(rawError(new IngressError(405, 'CONNECT is not supported'), null), () => socket.destroy());
  });
  server.on('clientError', onMalformed);
  server.on('connection', (socket) => {
    // It comes again where an offer to upgrade was passed over.
    const caller = callers.came(socket);
    if (caller === null) return;
    socket.once('close', () => {
      callers.left(caller);
      // Node closes the response whose turn it is, and forgets those behind it.
      for (const response of [...caller.open]) if (response.socket === null) response.destroy().emit('close');
    });
  });

  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.removeListener('error', reject);
          resolve();
        });
      }),
    address() {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('the ingress is not listening');
      return address;
    },
    async drain(deadlineMs) {
      stopping = true;
      server.close();
      closeIdle();
      await callers.idle(deadlineMs);
      for (const { socket } of callers.all()) socket.end(() => socket.destroy());
      setTimeout(() => {
        for (const { socket } of callers.all()) socket.destroy();
      }, 100).unref();
    },
  };
}

function refusalOf({ code }: NodeJS.ErrnoException): IngressError {
  if (code === 'HPE_HEADER_OVERFLOW') return new IngressError(431, 'the header is too large');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new IngressError(408, 'the header took too long');
  return new IngressError(400, 'the request is malformed');
}

/** Says what was wrong with bytes that are no request, and reads on for a moment, so that the caller gets to read it. */
function refuse(socket: Duplex, error: NodeJS.ErrnoException, lingerMs: number): void {
  socket.on('error', () => socket.destroy());
  socket.end(rawError(refusalOf(error), null));
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('end', () => socket.destroy());
  socket.once('close', () => clearTimeout(timer));
}

/** A caller's connection, and what is under way on it. Made once for each, so that a request adds to it and makes nothing of its own. */
interface Caller {
  readonly socket: Duplex;
  /** Requests, and what one of them has become by an upgrade. */
  underWay: number;
  /** Responses that have not closed, in the order of their requests. */
  readonly open: ServerResponse[];
  /** Called once, when nothing is under way any more. The first who wants it on a busy connection is the one. */
  onIdle: (() => void) | null;
}

function createCallers() {
  const connected = new Map<Duplex, Caller>();
  let busy = 0;
  let onEmpty = () => {};

  const newCaller = (socket: Duplex): Caller => ({ socket, underWay: 0, open: [], onIdle: null });

  return {
    all: () => connected.values(),
    /** Null: it is known. */
    came(socket: Duplex): Caller | null {
      if (connected.has(socket)) return null;
      const caller = newCaller(socket);
      connected.set(socket, caller);
      return caller;
    },
    /** What is under way on it still ends. */
    left({ socket }: Caller): void {
      connected.delete(socket);
    },
    of: (socket: Duplex): Caller => connected.get(socket) ?? newCaller(socket),
    begin(caller: Caller): void {
      caller.underWay += 1;
      if (caller.underWay === 1) busy += 1;
    },
    end(caller: Caller): void {
      caller.underWay -= 1;
      if (caller.underWay > 0) return;
      busy -= 1;
      const { onIdle } = caller;
      caller.onIdle = null;
      onIdle?.();
      if (busy === 0) onEmpty();
    },
    /** Resolves when nothing is under way on any connection, or at the deadline. */
    async idle(deadlineMs: number): Promise<void> {
      if (busy === 0) return;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        onEmpty = resolve;
        timer = setTimeout(resolve, deadlineMs);
      });
      clearTimeout(timer);
    },
  };
}
