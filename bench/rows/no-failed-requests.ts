import { z } from 'zod';
import { http } from '../../test/support/http.js';
import type { DeployDraft } from '../../test/support/service-client.js';
import { until } from '../../test/support/until.js';
import type { Benchmark } from '../benchmark.js';
import { startEngineStand } from '../load/engine-stand.js';
import { type RowSpec, valueAtMost } from '../row.js';
import type { Stage } from '../stage.js';

const FAILED: RowSpec = {
  name: 'requests failed during 50 deploys and rollbacks under load',
  unit: 'requests',
  target: valueAtMost(0),
};

const APP = 'longshore/demo-app:latest';
const DEPLOYS = 25;
/** Of each of its 32 connections; one in four carries 1 MiB both ways five times less often. */
const EVERY_MS = 400;
const STREAM_SECONDS = 3;

/**
 * Half deploys, half rollbacks, through all that happens to requests then. A failure is any answer that is not 200, not whole, not in time, or from
 * a revision that a finished operation has replaced.
 */
export const noFailedRequests: Benchmark = {
  name: 'no-failed-requests',
  rows: [FAILED],
  run: async (stage, report) => {
    const { client, service } = await startEngineStand(stage);
    const { id, url } = await client.createContainer('busy');
    await client.succeeded(await client.deploy(id, APP, named('r0')));
    const active = async (name: string) => ({ name, id: (await client.container(id)).activeRevisionId });
    const loop = await startLoop(stage, service.ingressPort, new URL(url).host);
    const first = await active('r0');
    for (let number = 1; number <= DEPLOYS; number += 2) {
      const left = [first];
      loop.stream();
      for (const name of [`r${number}`, `r${number + 1}`].slice(0, DEPLOYS - number + 1)) {
        await loop.through(name, async () => client.succeeded(await client.deploy(id, APP, named(name))));
        left.push(await active(name));
      }
      // The one that was left a moment ago may run still, the one before has stopped.
      for (const target of left.slice(0, -1).reverse())
        await loop.through(target.name, async () => client.succeeded(await client.rollback(id, target.id)));
    }
    const { sent, failures } = await loop.stop();
    const example = failures.length === 0 ? '' : `; the first: ${failures[0]}`;
    report(FAILED, [{ value: failures.length }], `of ${sent}, in one round, whatever --rounds says${example}`);
  },
};

const named = (revision: string): DeployDraft => ({ imageSpec: { environment: { REVISION: revision } } });

interface Loop {
  /** Begins a response that takes some seconds, and so perhaps longer than its revision serves. */
  stream(): void;
  /** Switches to a revision while requests come, and waits for some that it answered. */
  through(revision: string, change: () => Promise<unknown>): Promise<void>;
  stop(): Promise<{ sent: number; failures: string[] }>;
}

async function startLoop(stage: Stage, port: number, host: string): Promise<Loop> {
  const options = { port, host, revision: 'r0', everyMs: EVERY_MS };
  const program = await stage.program('open-loop', [JSON.stringify(options)]);
  const control = z.object({ port: z.number() }).parse(program.hello).port;
  const tell = async (what: string): Promise<unknown> => {
    const { status, body } = await http(`http://127.0.0.1:${control}${what}`, { method: 'POST', timeoutMs: 60_000 });
    if (status !== 200) throw new Error(`the caller of the benchmark: ${body}`);
    return JSON.parse(body);
  };
  const answers = async (revision: string) => counted.parse(await tell(`/answers?revision=${revision}`)).count;
  await until('the first revision answers', async () => (await answers('r0')) >= 32);
  const streams: Promise<unknown>[] = [];
  return {
    stream: () => void streams.push(tell(`/stream?seconds=${STREAM_SECONDS}`)),
    async through(revision, change) {
      await tell(`/switching?revision=${revision}`);
      await change();
      await tell('/done');
      const before = await answers(revision);
      await until(`${revision} answers`, async () => (await answers(revision)) > before + 8);
    },
    async stop() {
      await Promise.all(streams);
      return reported.parse(await tell('/stop'));
    },
  };
}

const counted = z.object({ count: z.number() });
const reported = z.object({ sent: z.number(), failures: z.array(z.string()) });
