import { request } from 'node:http';
import { connect } from 'node:net';

/** How to ask one instance whether it is healthy. */
export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  readonly probe: { readonly kind: 'HTTP'; readonly path: string } | { readonly kind: 'TCP' };
  readonly timeoutMs: number;
}

/** Null: healthy. Else why not, for people. */
export type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<string | null>;

/** Docker's port proxy accepts connections with nobody behind it and closes them at once: open for so long counts as accepted. */
const TCP_OPEN_MS = 100;

export const probeInstance: Probe = (target, signal) =>
  target.probe.kind === 'HTTP' ? probeHttp(target, target.probe.path, signal) : probeTcp(target, signal);

/** Every end is told at once, by whoever sees it first: of a request that was destroyed nothing but `close` is sure to be heard. */
function probeHttp(target: ProbeTarget, path: string, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request({
      host: target.address,
      port: target.port,
      path,
      method: 'GET',
      agent: false,
      headers: { 'user-agent': 'longshore-health/1', connection: 'close' },
    });
    const deadline = setTimeout(() => end(`GET ${path}: no answer within ${target.timeoutMs} ms`), target.timeoutMs);
    const abort = () => end('the lease ended');
    const end = (verdict: string | null) => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      asked.destroy();
      resolve(verdict);
    };
    signal.addEventListener('abort', abort, { once: true });
    asked.on('response', (response) => {
      const status = response.statusCode ?? 0;
      response.on('error', () => {});
      end(status >= 200 && status < 500 ? null : `GET ${path} answered ${status}`);
    });
    asked.on('upgrade', (response, socket) => {
      socket.on('error', () => {});
      socket.destroy();
      end(`GET ${path} answered ${response.statusCode}`);
    });
    asked.on('error', (error) => end(`GET ${path}: ${error.message}`));
    asked.on('close', () => end(`GET ${path}: the connection was closed without an answer`));
    if (signal.aborted) abort();
    else asked.end();
  });
}

function probeTcp(target: ProbeTarget, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.address, port: target.port });
    let open: NodeJS.Timeout | undefined;
    const deadline = setTimeout(() => end(`no connection within ${target.timeoutMs} ms`), target.timeoutMs);
    const abort = () => end('the lease ended');
    const end = (verdict: string | null) => {
      clearTimeout(deadline);
      clearTimeout(open);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(verdict);
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.on('connect', () => {
      open = setTimeout(() => end(null), TCP_OPEN_MS);
    });
    socket.on('data', () => end(null));
    socket.on('error', (error) => end(error.message));
    socket.on('close', () => end('the connection was closed at once'));
    if (signal.aborted) abort();
  });
}
