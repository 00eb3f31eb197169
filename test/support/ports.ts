import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { runDirectory } from './run-directory.js';

/** A TCP port that was free on `address` a moment ago. */
export function freePort(address = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, address, () => {
      const bound = server.address();
      server.close(() => {
        if (bound === null || typeof bound === 'string') reject(new Error('no port'));
        else resolve(bound.port);
      });
    });
  });
}

/** Below those that the kernel gives to outgoing connections, one of which would have an instance's port now and then. */
const RANGES = { first: 12_000, size: 60, count: 340 } as const;

/**
 * As many ports as a hosts file is to say ("12000-12049", 60 at most) for the instances of the engine in `dir`: always the same ones, and no
 * other engine's of this run, since engines in the machine's own network share its address.
 */
export function portsOf({ dir }: { readonly dir: string }, count: number): string {
  const claims = join(runDirectory(), 'ports');
  mkdirSync(claims, { recursive: true });
  const start = createHash('sha256').update(dir).digest().readUInt16BE();
  for (let step = 0; step < RANGES.count; step++) {
    const range = (start + step) % RANGES.count;
    if (!claimed(join(claims, String(range)), dir)) continue;
    const first = RANGES.first + range * RANGES.size;
    return `${first}-${first + count - 1}`;
  }
  throw new Error(`no range of ports is left; see ${claims}`);
}

function claimed(claim: string, dir: string): boolean {
  try {
    writeFileSync(claim, dir, { flag: 'wx' });
    return true;
  } catch {
    return readFileSync(claim, 'utf8') === dir;
  }
}
