import { createHash, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { runDirectory } from './run-directory.js';

/*
 * Ports of tests are below those that the kernel gives to outgoing connections, one of which would have the port of a process that was killed, and is
 * to come back, now and then.
 */
const SINGLE = { first: 10_000, count: 2_000 } as const;
const RANGES = { first: 12_000, size: 60, count: 340 } as const;

/** A TCP port that was free on `address` a moment ago, and is told to nobody else in this run. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  const claims = claimsDirectory();
  const start = randomInt(SINGLE.count);
  for (let step = 0; step < SINGLE.count; step++) {
    const port = SINGLE.first + ((start + step) % SINGLE.count);
    if (newlyClaimed(join(claims, `port-${port}`), '') && (await isFree(port, address))) return port;
  }
  throw new Error(`no port is left; see ${claims}`);
}

/**
 * As many ports as a hosts file is to say ("12000-12049", 60 at most) for the instances of the engine in `dir`: always the same ones, and no
 * other engine's of this run, since engines in the machine's own network share its address.
 */
export function portsOf({ dir }: { readonly dir: string }, count: number): string {
  const claims = claimsDirectory();
  const start = createHash('sha256').update(dir).digest().readUInt16BE();
  for (let step = 0; step < RANGES.count; step++) {
    const range = (start + step) % RANGES.count;
    if (!claimed(join(claims, String(range)), dir)) continue;
    const first = RANGES.first + range * RANGES.size;
    return `${first}-${first + count - 1}`;
  }
  throw new Error(`no range of ports is left; see ${claims}`);
}

function claimsDirectory(): string {
  const claims = join(runDirectory(), 'ports');
  mkdirSync(claims, { recursive: true });
  return claims;
}

const claimed = (claim: string, dir: string): boolean =>
  newlyClaimed(claim, dir) || readFileSync(claim, 'utf8') === dir;

function newlyClaimed(claim: string, text: string): boolean {
  try {
    writeFileSync(claim, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (existsSync(claim)) return false;
    throw error;
  }
}

function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}
