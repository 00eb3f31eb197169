import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { startOpenLoop } from '../../test/support/open-loop.js';

/*
 * The caller that does not wait, in a process of its own: what the bench does meanwhile must not slow it. Arguments: JSON of its options.
 * Prints {"port"}; POST there: /switching?revision=R, /done, /stream?seconds=S, /answers?revision=R, /stop (answers with the report, and ends).
 */

const options = z.object({ port: z.number(), host: z.string(), revision: z.string(), everyMs: z.number() });
const loop = startOpenLoop(options.parse(JSON.parse(process.argv[2] ?? '')));

async function answer(url: URL): Promise<object> {
  const parameter = (name: string): string => url.searchParams.get(name) ?? '';
  switch (url.pathname) {
    case '/switching':
      loop.switching(parameter('revision'));
      return {};
    case '/done':
      loop.done();
      return {};
    case '/stream':
      await loop.stream(Number(parameter('seconds')));
      return {};
    case '/answers':
      return { count: loop.answers(parameter('revision')) };
    case '/stop': {
      const { sent, failures } = await loop.stop();
      return { sent, failures };
    }
    default:
      throw new Error(`there is no ${url.pathname}`);
  }
}

const server = createServer((request, response) => {
  answer(new URL(request.url ?? '', 'http://open-loop')).then(
    (body) => response.end(JSON.stringify(body)),
    (error: unknown) => response.writeHead(400).end(String(error)),
  );
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
