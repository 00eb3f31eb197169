import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import type { Route, RouteTarget } from '../../src/domain/route.js';
import type { RequestDone } from '../../src/ingress/log.js';
import { createIngress, type Ingress, type IngressOptions } from '../../src/ingress/server.js';
import { createMemoryRoutes, type MemoryRoutes } from './memory-routes.js';

export const CONTAINER = 'bba00000000000000001';
export const DOMAIN = 'containers.localhost';
export const HOST = `${CONTAINER}.${DOMAIN}`;

export interface TestIngress {
  readonly ingress: Ingress;
  readonly routes: MemoryRoutes;
  readonly port: number;
  readonly done: readonly RequestDone[];
  /** Messages that were logged as warnings. */
  readonly warnings: readonly string[];
  /** Publishes a route of the one container and waits until it is applied and reported. */
  publish(route: Partial<Omit<Route, 'version' | 'containerId'>>): Promise<number>;
}

export function routeTo(...targets: RouteTarget[]): Omit<Route, 'version'> {
  return {
    containerId: CONTAINER,
    state: 'SERVING',
    revisionId: 'bbr1',
    targets,
    concurrency: 0,
    executionTimeoutMs: 60_000,
  };
}

export async function startIngress(
  options: Partial<IngressOptions> = {},
  routes = createMemoryRoutes(),
): Promise<TestIngress> {
  const done: RequestDone[] = [];
  const warnings: string[] = [];
  const ingress = createIngress({
    routes,
    addr: { host: '127.0.0.1', port: 0 },
    domain: DOMAIN,
    log: { info: () => undefined, warn: (_fields, message) => warnings.push(message) },
    options: { beatMs: 50, lingerMs: 500, ...options },
    observe: (one) => done.push(one),
  });
  await ingress.start();
  async function publish(route: Partial<Route>): Promise<number> {
    const version = routes.publish({ ...routeTo(), ...route });
    while (!routes.reports.some(({ report }) => report.appliedVersion >= version)) await new Promise(setImmediate);
    return version;
  }
  return { ingress, routes, port: ingress.address().port, done, warnings, publish };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly response: IncomingMessage;
}

/** One request on a new connection to the test's container, and its whole answer. */
export function ask(port: number, path = '/', options: RequestOptions = {}, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { host: HOST, ...options.headers };
    const request = httpRequest({ host: '127.0.0.1', port, path, agent: false, ...options, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
          response,
        }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Sends bytes as they are and returns all that comes back until the connection ends. */
export function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}
