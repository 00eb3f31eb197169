import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from '../figures.js';

/** What the machine gave, whatever was measured on it: figures of two runs compare only as far as these do. */
export interface MachineGauge {
  /** How long a fixed piece of work takes, in milliseconds. */
  readonly workMs: number;
  /** How late a timer comes that should after a millisecond, in milliseconds: the last percent of a second's. */
  readonly lateMs: number;
}

/** Takes a second, in which nothing else should run. */
export async function gaugeMachine(): Promise<MachineGauge> {
  const worked = Array.from({ length: 5 }, timeOfWork);
  const late: number[] = [];
  for (const end = performance.now() + 1_000; performance.now() < end; ) {
    const before = performance.now();
    await delay(1);
    late.push(performance.now() - before - 1);
  }
  return { workMs: percentile(worked, 0.5), lateMs: percentile(late, 0.99) };
}

const WORK = 5_000_000;

function timeOfWork(): number {
  const before = performance.now();
  let sum = 0;
  for (let at = 0; at < WORK; at += 1) sum = (Math.imul(sum, 31) + at) | 0;
  // The sum has to be looked at, or nothing would be computed.
  return performance.now() - before + (sum === 1 ? 1e-6 : 0);
}

/** How many there are, and of which kind. */
export function processors(): string {
  const all = cpus();
  return `${all.length} of ${all[0]?.model.trim() ?? 'an unknown kind'}`;
}

/** Begins to count; asked at the end, tells which share of the processors' time the hypervisor gave to others meanwhile, from 0 to 1. */
export function stolenShare(): () => number {
  const before = processorTimes();
  return () => {
    const spent = processorTimes().map((ticks, at) => ticks - (before[at] ?? 0));
    return (spent[STOLEN] ?? 0) / spent.reduce((sum, ticks) => sum + ticks, 0);
  };
}

/** The eighth of what /proc/stat tells of all processors. */
const STOLEN = 7;

const processorTimes = (): readonly number[] =>
  (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '')
    .split(/ +/)
    .slice(1, STOLEN + 2)
    .map(Number);
