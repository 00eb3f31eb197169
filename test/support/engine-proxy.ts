import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { newDirectory } from './run-directory.js';

/** A call of an engine, without the version of its API: `POST /containers/create`. */
export interface EngineCall {
  readonly method: string;
  readonly path: string;
}

/** What a call waits for on its way: `asking` before the engine hears of it, `answering` before its sender hears of the answer. */
export interface OnTheWay {
  asking?(call: EngineCall): Promise<unknown>;
  answering?(call: EngineCall): Promise<unknown>;
}

/** A second way to an engine. A call that has set out reaches the engine, whatever becomes of its sender. */
export interface EngineProxy {
  /** unix://... */
  readonly endpoint: string;
  close(): Promise<void>;
}

export async function engineProxy(socketPath: string, onTheWay: OnTheWay): Promise<EngineProxy> {
  const own = join(newDirectory('proxy'), 'p.sock');
  const server = createServer((asked, answer) => void forward(socketPath, asked, answer, onTheWay));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(own, resolve);
  });
  return {
    endpoint: `unix://${own}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      rmSync(own, { force: true });
    },
  };
}

async function forward(socketPath: string, asked: IncomingMessage, answer: ServerResponse, onTheWay: OnTheWay) {
  const { method = 'GET', url = '/', headers } = asked;
  const call = { method, path: url.replace(/^\/v[\d.]+(?=\/)/, '').replace(/\?.*$/, '') };
  // Read to its end at once: who sent it may be gone by the time that it is passed on.
  const body = bodyOf(asked).catch(() => null);
  await onTheWay.asking?.(call);
  const text = await body;
  if (text === null) return answer.destroy();
  const outgoing = request({ socketPath, method, path: url, headers, agent: false });
  outgoing.on('error', () => answer.destroy());
  // Changes run to their end; a stream that nobody reads any more does not.
  if (method === 'GET') answer.on('close', () => outgoing.destroy());
  outgoing.on('response', (reply) => {
    const passOn = () => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      answer.flushHeaders();
      reply.on('error', () => answer.destroy()).pipe(answer);
    };
    void (onTheWay.answering?.(call) ?? Promise.resolve()).then(passOn);
  });
  outgoing.end(text);
}

async function bodyOf(asked: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of asked) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
