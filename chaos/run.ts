import { setTimeout as delay } from 'node:timers/promises';
import { treePath } from '../src/paths.js';
import { Actor } from './actor.js';
import { judged } from './afterwards.js';
import { connectApi } from './api.js';
import { Caller } from './caller.js';
import { createCalls } from './calls.js';
import { viewDocker } from './docker.js';
import { FAULT_KINDS } from './faults/kinds.js';
import { Ledger } from './ledger.js';
import type { Options } from './options.js';
import { createRandom, type Random } from './random.js';
import type { Outcome } from './report.js';
import { SLOTS } from './requests.js';
import { deleteAll, settle } from './settle.js';
import type { Stage } from './stage.js';
import { Stalls } from './stalls.js';
import { Storm } from './storm.js';
import { Watch } from './watch.js';

const FOLDER = 'chaos';
const CHECK_MS = 500;

/** Plays one run on a stage: operations and faults for a while, then nothing but looks at what has become of it. */
export async function run(stage: Stage, options: Options): Promise<Outcome> {
  const random = createRandom(options.seed);
  const ledger = new Ledger();
  const apis = stage.of('api').map(({ member, port }) => ({
    name: member.name,
    api: connectApi(treePath(), `127.0.0.1:${port}`),
  }));
  const calls = createCalls(apis, random.fork('calls'));
  const docker = stage.hosts.map(({ name, engine }) => viewDocker(name, engine.socketPath));
  const gpuOverlaps = () => stage.hosts.flatMap(({ engine }) => engine.gpuOverlaps());
  const watch = new Watch({ ledger, calls, docker, gpuOverlaps });
  const ingresses = stage.of('ingress').map(({ member, port }) => ({ name: member.name, port }));
  const caller = new Caller({ ingresses, ledger, calls });
  const kinds = FAULT_KINDS.filter(({ kind }) => options.faults.length === 0 || options.faults.includes(kind));
  const storm = new Storm(stage, kinds, random.fork('faults'));
  const actors = actorsOn(stage, options, random, { calls, ledger, folderId: FOLDER });
  const stalls = new Stalls();
  const broken: string[] = [];

  const looking = [watch.run(), caller.run()];
  const acting = actors.map((actor) => actor.run());
  const all = Promise.all([...looking, ...acting]).catch((error: unknown) => void broken.push(String(error)));
  await Promise.race([storm.run(options.seconds), stopsEarly(options, ledger)]);
  await storm.calm();
  for (const actor of actors) actor.stop();
  await Promise.all(acting).catch(() => {});
  caller.stop();

  const [worker] = stage.of('worker');
  const metrics = () => worker?.member.metrics() ?? Promise.reject(new Error('there is no worker'));
  const parts = { ledger, calls, watch, docker, metrics, folderId: FOLDER, settleSeconds: options.settleSeconds };
  const settledMs = [await settle(parts, 'at the end')];
  if (ledger.violations.length === 0) {
    await deleteAll(parts);
    settledMs.push(await settle(parts, 'after everything was deleted'));
  }
  await watch.lookAtDocker();
  watch.stop();
  await all;
  for (const { api } of apis) api.close();
  stalls.stop();
  const faults = [...storm.records, ...stalls.records];
  const workers = stage.of('worker').map(({ member }) => member.name);
  const seen = {
    ledger,
    faults,
    calls: calls.made,
    failed: caller.failed,
    stays: watch.stays,
    crowds: watch.crowds,
    workers,
  };
  for (const line of judged(seen)) ledger.violation(line);
  for (const { member } of stage.members) for (const accident of member.accidents) ledger.violation(accident);
  const failedStarts = stage.members.reduce((sum, { member }) => sum + member.failedStarts, 0);
  broken.push(...storm.failures);
  const requests = { sent: caller.sent, failed: caller.failed.length };
  return {
    options,
    ledger,
    faults: storm.records,
    stalledMs: stalls.total,
    calls: calls.made,
    requests,
    failedStarts,
    settledMs,
    broken,
  };
}

function actorsOn(
  stage: Stage,
  { callers }: Options,
  random: Random,
  parts: Pick<ConstructorParameters<typeof Actor>[0], 'calls' | 'ledger' | 'folderId'>,
): readonly Actor[] {
  const { pulledImage } = stage;
  return SLOTS[callers].map((kind, index) => {
    const name = `c${index + 1}`;
    return new Actor({ ...parts, name, kind, random: random.fork(name), pulledImage });
  });
}

/** Never, unless it is enough to know that something is wrong. */
async function stopsEarly({ firstOnly, seconds }: Options, ledger: Ledger): Promise<void> {
  const end = Date.now() + seconds * 1_000;
  while (Date.now() < end && !(firstOnly && ledger.violations.length > 0)) await delay(CHECK_MS);
}
