import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;
const PATIENCE_MS = 10_000;

/**
 * Ends every redis-server that works in `dir`, which must be a directory of ours alone and locked by us: no living service can
 * own one then. They are known by their working directory, never by a process id from a file, which may be somebody else's by
 * now. SIGKILL, since one that is stopped or stuck would not heed anything else; what it had acknowledged is on disk.
 */
export async function endSurvivors(dir: string): Promise<readonly number[]> {
  const ended = await survivors(dir);
  for (const pid of ended) kill(pid);
  const deadline = performance.now() + PATIENCE_MS;
  while ((await survivors(dir)).length > 0) {
    if (performance.now() > deadline)
      throw new Error(`a former redis-server in ${dir} does not end: ${ended.join(', ')}`);
    await delay(POLL_MS);
  }
  return ended;
}

async function survivors(dir: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const checked = await Promise.all(pids.map(async (pid) => ((await isRedisIn(pid, dir)) ? [pid] : [])));
  return checked.flat();
}

/** A process that is gone, or not ours to look at, is none. */
async function isRedisIn(pid: number, dir: string): Promise<boolean> {
  try {
    if ((await readlink(`/proc/${pid}/cwd`)) !== dir) return false;
    return (await readFile(`/proc/${pid}/comm`, 'utf8')).startsWith('redis-');
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in between.
  }
}
