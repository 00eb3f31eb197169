import { readdirSync, readFileSync } from 'node:fs';
import { until } from './until.js';

/** A process that was made for a container, and waits to be told to become its program. */
const WAITING = 'runc:[2:INIT]';

/**
 * Ends what the engine below `dir` was starting when it was killed. Docker 20.10 never learns of it again: such a process keeps the address and the
 * devices of a container that Docker says was never started, and stands in the way of its start, until somebody ends it on the host.
 */
export async function endUnbegun(dir: string): Promise<void> {
  await until(`nothing is begun below ${dir}`, () => {
    const begun = processes().filter(({ name, parent, words }) => {
      if (name === 'runc') return words.includes(dir);
      return name === WAITING && wordsOf(parent).includes(dir);
    });
    for (const { pid, name } of begun) if (name === WAITING) end(pid);
    return begun.length === 0;
  });
}

interface Process {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  readonly words: string;
}

function processes(): Process[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) return [];
    // The name stands in parentheses, and may hold anything.
    const [, name = '', parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(read(`/proc/${pid}/stat`)) ?? [];
    return parent === undefined ? [] : [{ pid, name, parent: Number(parent), words: wordsOf(pid) }];
  });
}

const wordsOf = (pid: number): string => read(`/proc/${pid}/cmdline`);

/** Empty where the process has ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
