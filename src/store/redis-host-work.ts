import { z } from 'zod';
import type { HostRecord } from '../domain/host.js';
import { decodeContainer, decodeHost, decodePulledImage, encodeDevices, encodeDocument } from './codec.js';
import type { Keys } from './keys.js';
import { decodeLook } from './loading.js';
import { encodeResult } from './operation-text.js';
import type { RedisConnection } from './redis-connection.js';
import { guarded } from './redis-faults.js';
import type { FencedScripts } from './redis-leases.js';
import type { PlacementFeed } from './redis-placement-feed.js';
import { integer } from './redis-replies.js';
import type { ScriptRunner } from './script-runner.js';
import type { HostWork, Lease, Looked, RebuildOutcome } from './work.js';

export interface RedisHostWorkDeps {
  readonly scripts: ScriptRunner;
  readonly fenced: FencedScripts;
  readonly feed: PlacementFeed;
  readonly connection: RedisConnection;
  readonly keys: Keys;
}

/** Containers, of which each may have a large specification. */
const MOST_AT_ONCE = 50;

const fenceGaps = z.array(z.tuple([z.number(), z.number()]));
const loadReply = z.tuple([z.tuple([integer]), z.string(), z.string(), z.string()]);

export function createRedisHostWork({ scripts, fenced, feed, connection, keys }: RedisHostWorkDeps): HostWork {
  return {
    loadHost: async (lease, as) => {
      const reply = await fenced.run('load-host', lease, { name: nameOf(lease), ...(as !== undefined && { as }) });
      const [[now], host, replicationId, gaps] = loadReply.parse(reply);
      return {
        now,
        host: host === '' ? null : decodeHost(host),
        memory: { replicationId, gaps: fenceGaps.parse(JSON.parse(gaps)) },
      };
    },
    saveHost: async (lease, host) => {
      if (lease.key !== `host/${host.name}`) throw new TypeError(`${lease.key} is not host ${host.name}`);
      const args = { name: host.name, host: encodeDocument(host), capacity: capacityOf(host) };
      await fenced.run('save-host', lease, args);
    },
    pulledImages: async (host) => {
      const name = keys.key('pulled-images', host);
      const stored = await guarded(connection.call((client) => client.hgetall(name)));
      return Object.entries(stored).map(([imageId, text]) => ({ imageId, ...decodePulledImage(text) }));
    },
    noteImage: async (lease, { host, imageId, references }) => {
      for (const reference of references) await fenced.run('note-image', lease, { host, imageId, reference });
    },
    saveImages: async (lease, { used, gone }) => {
      await fenced.run('save-images', lease, { name: nameOf(lease), used, gone });
    },
    removeHost: async (lease) => {
      await fenced.run('remove-host', lease, { name: nameOf(lease) });
    },
    hosts: async () => (await feed.read()).snapshots,
    containersOn: async (name) => (await feed.read()).containersOn(name),
    remembered: async (containerId) => {
      const name = keys.key('container', containerId);
      const stored = await guarded(connection.call((client) => client.hgetall(name)));
      return stored['state'] === undefined ? null : { record: decodeContainer(stored), state: stored['state'] };
    },
    rebuild: async (lease, { container, known, state, revisions, devices, leased }) => {
      nameOf(lease);
      const reply = await fenced.run('rebuild', lease, {
        container: { ...container, labels: JSON.stringify(container.labels) },
        known: known ?? '',
        state: JSON.stringify(state),
        revisions: revisions.map(({ id, description, createdAt, status, spec, image }) => {
          return { id, description, createdAt, status, spec: JSON.stringify(spec), image: JSON.stringify(image) };
        }),
        ended: ENDED,
        leased,
        devices: devices.map((one) => ({ lease: one, text: encodeDevices(one, container.id) })),
      });
      return rebuildOutcome(String(reply));
    },
    look: async (ids, known) => {
      const looks = new Map<string, Looked | 'SAME'>();
      for (let first = 0; first < ids.length; first += MOST_AT_ONCE) {
        const containerIds = ids.slice(first, first + MOST_AT_ONCE);
        const marks = containerIds.map((id) => known?.get(id) ?? '');
        const found = decodeLook(await guarded(scripts.run('look', { containerIds, marks })));
        for (const [at, id] of containerIds.entries()) looks.set(id, found[at] ?? 'UNKNOWN');
      }
      return looks;
    },
  };
}

/** Of an operation that Redis still had, though its container had gone on. */
const ENDED = encodeResult({
  kind: 'ERROR',
  failure: {
    code: 'ABORTED',
    reason: 'REDIS_LOST_WRITES',
    message:
      'Redis has lost what became of this operation, and its container was brought up to what runs of it: look at it, and ask again for what is missing',
  },
});

function rebuildOutcome(reply: string): RebuildOutcome {
  const [kind, first = '', second = '', ...rest] = reply.split(' ');
  switch (kind) {
    case 'NAME_TAKEN':
      return { kind, containerId: first };
    case 'DEVICE_TAKEN':
      return { kind, instanceId: first, containerId: second, device: rest.join(' ') };
    case 'REBUILT':
    case 'DELETED':
      return { kind };
    default:
      return { kind: 'CHANGED' };
  }
}

function nameOf({ key }: Lease): string {
  if (!key.startsWith('host/')) throw new TypeError(`${key} is no host`);
  return key.slice('host/'.length);
}

/** Everything that decides whether and what fits, and nothing that changes with each observation. */
function capacityOf(host: HostRecord): string {
  const { state, missedLooks, gpus, foreignGpus, ports, memory, cores, labels, address, replicationId } = host;
  const answers = missedLooks === 0;
  return JSON.stringify({ state, answers, gpus, foreignGpus, ports, memory, cores, labels, address, replicationId });
}
