import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '../log.js';
import { type Readiness, reportOf } from './readiness.js';

export interface HttpListenerDeps {
  readonly address: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly readiness: Readiness;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly log: Logger;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * `/healthz`: the process runs (200 always); `/readyz`: it can do its work (503 with the reasons where it cannot);
 * `/metrics`: Prometheus' text form. It opens first and closes last, so that a start and a stop can be watched.
 */
export class HttpListener {
  private readonly server: Server;

  constructor(private readonly deps: HttpListenerDeps) {
    const options = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS };
    this.server = createServer(options, (request, response) => void this.handle(request, response));
  }

  /** Resolves with the port that is bound. Rejects where it is taken. */
  start(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.deps.port, this.deps.address, () => {
        this.server.off('error', reject);
        const bound = this.server.address();
        resolve(typeof bound === 'object' && bound ? bound.port : this.deps.port);
      });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.answer(request);
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      ...(status === 405 && { allow: 'GET, HEAD' }),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'only GET and HEAD' });
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        return json(200, { status: 'ok' });
      case '/readyz': {
        const report = reportOf(this.deps.readiness);
        return json(report.ready ? 200 : 503, report);
      }
      case '/metrics':
        return this.scrape();
      default:
        return json(404, { error: 'there are /healthz, /readyz and /metrics' });
    }
  }

  private async scrape(): Promise<Answer> {
    const { metrics, log } = this.deps;
    try {
      return { status: 200, type: metrics.contentType, body: await metrics.text() };
    } catch (error) {
      log.error({ err: error }, 'could not collect the metrics');
      return json(500, { error: 'could not collect the metrics' });
    }
  }
}

function json(status: number, body: object): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}
