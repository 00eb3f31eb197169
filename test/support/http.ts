import { type IncomingHttpHeaders, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface HttpOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** A unix socket to connect to, in place of the url's host. */
  readonly socketPath?: string;
  /** For the whole exchange. Default 10 s. */
  readonly timeoutMs?: number;
}

/**
 * One HTTP request on a connection of its own. Not fetch: that of Node 20 sometimes never settles when the other side closes
 * a connection right after accepting it, as Docker's port proxy does while nobody listens behind it.
 */
export function http(url: string, options: HttpOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, socketPath } = options;
    const signal = AbortSignal.timeout(options.timeoutMs ?? 10_000);
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = { method, headers: { ...length, ...headers }, ...(socketPath !== undefined && { socketPath }) };
    const outgoing = request(url, { ...sent, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        resolve({ status, headers: response.headers, body: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
