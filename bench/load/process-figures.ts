import { readFileSync } from 'node:fs';

/** Of a user's clock tick; Linux has had 100 a second for all programs since 2.6. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU that a process has used so far, in all of its threads. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in brackets, which may hold anything.
  const [, ...fields] = stat.slice(stat.lastIndexOf(')') + 1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** What is done from now on: ask it after so many calls for the microseconds of CPU that each has cost the process. */
export function cpuMeter(pid: number): (calls: number) => number {
  const before = cpuSecondsOf(pid);
  return (calls) => ((cpuSecondsOf(pid) - before) / calls) * 1e6;
}

/** Bytes of memory in use by a process (resident set). */
export function residentBytesOf(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (line === null) throw new Error(`process ${pid} is gone`);
  return Number(line[1]) * 1024;
}
