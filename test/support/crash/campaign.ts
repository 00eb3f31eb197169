import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../../../src/paths.js';
import { type RunResult, run } from './run.js';
import type { Scenario } from './scenarios.js';
import { openStage, type Stage, type StageOptions } from './stage.js';

export interface Campaign {
  /** Points that were recorded, tried, and not come to when they were tried. */
  readonly recorded: number;
  readonly tried: number;
  readonly notReached: readonly string[];
  /** How many of those that were not come to would have come with the scenario, and not by the clock. */
  readonly missed: number;
  /** A text for each point after which something was wrong: the point, what, and where the evidence is. */
  readonly failures: readonly string[];
}

const MOST_TRIED = 8;
/** Waiting for what does not come takes long: so many failures say enough. */
const MOST_FAILURES = 5;

/** Stages side by side: while the lease of one's dead worker runs out, the others get on. */
export class Stages {
  private readonly free: Stage[] = [];
  private readonly waiting: Waiting[] = [];
  private readonly used = new Set<Promise<unknown>>();
  private busy = 0;
  private campaigns = 0;
  private closed = false;

  private constructor(
    readonly count: number,
    private readonly one: () => Promise<Stage>,
  ) {}

  static async open(program: string, count: number, options: Partial<StageOptions> = {}): Promise<Stages> {
    const stages = new Stages(count, () => openStage(program, options));
    stages.free.push(...(await Promise.all(Array.from({ length: count }, stages.one))));
    return stages;
  }

  /** Of a campaign: earlier ones are served first. */
  nextRank(): number {
    this.campaigns += 1;
    return this.campaigns;
  }

  /** Waits until a stage is free. One on which something is left is not used again. */
  async with(rank: number, use: (stage: Stage) => Promise<RunResult>): Promise<RunResult> {
    if (this.closed) throw new Error('the stages are closed');
    if (this.busy < this.count) this.busy += 1;
    else {
      await new Promise<void>((go, refuse) => {
        this.waiting.push({ rank, go, refuse });
        this.waiting.sort((one, other) => one.rank - other.rank);
      });
    }
    const using = this.use(use);
    this.used.add(using);
    try {
      return await using;
    } finally {
      this.used.delete(using);
      const next = this.waiting.shift();
      // Who waits takes the place, or somebody else would before it wakes.
      if (next === undefined) this.busy -= 1;
      else next.go();
    }
  }

  /** What is under way ends first; what waits is refused. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { refuse } of this.waiting.splice(0)) refuse(new Error('the stages are closed'));
    await Promise.allSettled(this.used);
    await Promise.all(this.free.splice(0).map((stage) => stage.close()));
  }

  private async use(use: (stage: Stage) => Promise<RunResult>): Promise<RunResult> {
    const stage = this.free.pop() ?? (await this.one());
    const result = await use(stage);
    if (result.cleared) this.free.push(stage);
    else await stage.close();
    return result;
  }
}

interface Waiting {
  readonly rank: number;
  go(): void;
  refuse(reason: Error): void;
}

/**
 * Records the points of a scenario, then lets the victim die at `most` of them, spread evenly (of one, the middle); all of them with Infinity. The order of
 * calls differs between runs: in the place of a point that is not come to another one is tried, up to `MOST_TRIED` times as many in all.
 */
export function campaign(stages: Stages, scenario: Scenario, most: number): Promise<Campaign> {
  return new Trial(stages, scenario).tryPoints([], most);
}

/** The same for the process that takes over from one that died halfway: it dies too, while it starts or in its take-over. */
export async function doubleCampaign(stages: Stages, scenario: Scenario, most: number): Promise<Campaign> {
  const trial = new Trial(stages, scenario);
  const points = await trial.record([]);
  const first = sample(
    points.filter((point) => !BY_THE_CLOCK.test(point)),
    1,
  );
  return trial.tryPoints(first, most);
}

/** How often a lease is extended depends on how long all takes: the later ones are seldom met again. */
const CHANCE = /^script:renew#(?!1 )/;
/**
 * The look at a host and the lease's renewal come by the clock: into one run of a scenario and not into the next. None of these is where
 * the first of two dies, since the second's points hang on it.
 */
const BY_THE_CLOCK = /^script:(renew|hosts)|^engine:(ping|claim|info|ensureNetwork|foreignGpus|list\(host\))|\(host\)/;

class Trial {
  private readonly failures: string[] = [];
  private readonly notReached: string[] = [];
  private missed = 0;
  private readonly rank: number;

  constructor(
    private readonly stages: Stages,
    private readonly scenario: Scenario,
  ) {
    this.rank = stages.nextRank();
  }

  async tryPoints(before: readonly string[], most: number): Promise<Campaign> {
    const { failures, notReached } = this;
    const recorded = await this.record(before);
    const queue = [...new Set([...sample(recorded, most), ...sample(recorded, most * MOST_TRIED)])];
    let tried = 0;
    const lane = async () => {
      while (failures.length < MOST_FAILURES && tried - notReached.length < most) {
        const point = queue.shift();
        if (point === undefined) return;
        tried += 1;
        await this.judge([...before, point]);
      }
    };
    await Promise.all(Array.from({ length: this.stages.count }, lane));
    return { recorded: recorded.length, tried, notReached, missed: this.missed, failures };
  }

  async record(before: readonly string[]): Promise<readonly string[]> {
    const { points } = await this.judge([...before, null]);
    const { points: worth = /./ } = this.scenario;
    return points.filter((point) => !CHANCE.test(point) && worth.test(point));
  }

  /** A point that is not come to is tried once more. */
  private async judge(points: readonly (string | null)[], again = true): Promise<RunResult> {
    const { scenario, failures, notReached } = this;
    const where = points.filter((point) => point !== null).join(', then ');
    const result = await this.stages.with(this.rank, async (stage) => {
      const ended = await run(stage, scenario, points);
      if (ended.faults.length > 0)
        failures.push(failureText(scenario, where, ended, await evidence(stage, scenario, where, ended)));
      return ended;
    });
    if (result.faults.length > 0 || result.reached) return result;
    if (again) return this.judge(points, false);
    notReached.push(where);
    if (!BY_THE_CLOCK.test(points.at(-1) ?? '')) this.missed += 1;
    return result;
  }
}

/** Every so many, the same for the same list. */
export function sample<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  const stride = all.length / most;
  return Array.from({ length: most }, (_, index) => all[Math.floor((index + 0.5) * stride)]).filter(
    (one) => one !== undefined,
  );
}

function failureText({ name }: Scenario, point: string, { faults }: RunResult, file: string): string {
  const where = point === '' ? 'without a crash' : `after a crash at ${point}`;
  return [`${name}, ${where}:`, ...faults.map((fault) => `  ${fault}`), `  evidence: ${file}`].join('\n');
}

/** All that a person needs to find out what happened, in one file that outlives the run. */
async function evidence(stage: Stage, { name }: Scenario, point: string, result: RunResult): Promise<string> {
  const dir = treePath('.longshore', 'crash');
  mkdirSync(dir, { recursive: true });
  const file = join(dir, `${`${name} ${point || 'recording'}`.replaceAll(/[^a-z0-9]+/gi, '-')}.txt`);
  const docker = (
    await Promise.all(stage.engines.map((engine) => engine.docker('ps', '-a', '--no-trunc').catch(String)))
  ).join('\n');
  const world = JSON.stringify(
    result.world,
    (_key, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value),
    2,
  );
  const logs = Object.entries(stage.logs()).map(([log, text]) => `== ${log}\n${text}`);
  writeFileSync(
    file,
    [name, point, ...result.faults, '== docker ps -a', docker, '== state', world, ...logs].join('\n'),
  );
  return file;
}
