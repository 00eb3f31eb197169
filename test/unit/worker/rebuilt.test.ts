import type { ContainerRecord } from '../../../src/domain/container.js';
import { EMPTY_STATE } from '../../../src/domain/container-state.js';
import { memoOf } from '../../../src/domain/memo.js';
import type { Revision, RevisionSpec } from '../../../src/domain/revision.js';
import { specHash } from '../../../src/engine/docker-spec.js';
import type { HostedInstance } from '../../../src/reconciler/view.js';
import { encodeDocument } from '../../../src/store/codec.js';
import { latestFirst, onePerInstance, type Recalled, rebuiltOf, recall } from '../../../src/worker/rebuilt.js';
import { anInstance, aRevision, seen } from '../../support/reconciler/builders.js';

const container: ContainerRecord = {
  ...{ id: 'c', folderId: 'f', createdAt: 3, name: 'web', description: 'd', labels: { team: 'a' } },
  ...{ status: 'ACTIVE', version: 4, state: EMPTY_STATE },
};
const IMAGE = { digest: 'sha256:d', id: 'sha256:1', pullReference: 'reg/app@sha256:d' };
const ENV = { REVISION: 'two', 'A.B': 'x=y', PORT: '99', LONGSHORE_GPU_COUNT: '1', EMPTY: '' };

const specOf = (revision: Revision): RevisionSpec => ({
  ...revision.spec,
  runtime: 'HTTP',
  resources: { memory: 512, cores: 2, coreFraction: 50 },
  image: { ...revision.spec.image, command: ['serve', 'all'], args: [], environment: ENV },
});

/** What an engine shows of an instance of revision `id`, and what it was made with. */
function made(instanceId: string, id: string, part: Partial<HostedInstance> = {}) {
  const plain = aRevision(id);
  const revision: Revision = {
    ...plain,
    description: `of ${id}`,
    createdAt: Number(id.slice(1)),
    image: IMAGE,
    spec: specOf(plain),
  };
  const instance = anInstance(instanceId, { revisionId: id, gpuUuids: ['GPU-1'], port: 40_001 });
  const hash = specHash({
    imageId: 'sha256:1',
    spec: revision.spec,
    gpuUuids: ['GPU-1'],
    port: 40_001,
    address: '10.0.0.1',
  });
  const observed = seen(instance, { specHash: hash, ...part });
  const makings = {
    memo: encodeDocument(memoOf(container, revision, '10.0.0.1') ?? {}),
    environment: ['A.B=x=y', 'PATH=/bin', 'PORT=8080', 'REVISION=two', 'EMPTY=', 'NVIDIA_VISIBLE_DEVICES=GPU-1'],
    entrypoint: ['serve', 'all'],
    cmd: [],
  };
  return { observed, makings, revision };
}

function recalled(...args: Parameters<typeof made>): Recalled {
  const { observed, makings } = made(...args);
  const found = recall(observed, makings);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

const remains = (serving: Recalled, ...others: Recalled[]) => ({
  ...{ containerId: 'c', known: null, serving, others, unobserved: new Set<string>(), now: 50 },
  observed: [serving, ...others].map(({ observed }) => observed),
});

describe('what a Docker container tells of its records', () => {
  test('is all of its revision, but for variables that it never saw', () => {
    const { revision } = made('i2', 'r2');
    const { spec, memo } = recalled('i2', 'r2');
    const environment = { REVISION: 'two', 'A.B': 'x=y', EMPTY: '' };
    expect(spec).toEqual({ ...revision.spec, image: { ...revision.spec.image, environment } });
    expect(memo.container).toEqual({
      folderId: 'f',
      createdAt: 3,
      name: 'web',
      description: 'd',
      labels: { team: 'a' },
    });
  });

  test('has no values of variables, command or arguments in its memo', () => {
    const { makings } = made('i2', 'r2');
    expect(makings.memo).not.toMatch(/two|x=y|serve/);
    expect(makings.memo).toContain('REVISION');
  });

  test.each([
    ['another command', { entrypoint: ['other'] }, /not what its labels say/],
    ['another value of a variable', { environment: ['REVISION=three'] }, /not what its labels say/],
    ['no memo', { memo: '' }, /no memo/],
    ['a memo that is cut short', { memo: '{"v":1,' }, /cannot be read/],
    ['a memo of a newer version', { memo: '{"v":99}' }, /start a newer Longshore/],
  ])('is nothing where there is %s', (_what, part, reason) => {
    const { observed, makings } = made('i2', 'r2');
    expect(recall(observed, { ...makings, ...part })).toMatch(reason);
  });
});

test('of several on one host the one that was started last took over, and on several hosts the newest', () => {
  const at = (id: string, host: string, startedAt: string, generation: number) => {
    const { observed } = made(id, 'r2', { host, startedAt });
    return { ...observed, identity: { ...observed.identity, generation } };
  };
  const early = at('i1', 'h1', '2026-01-01T10:00:00.5Z', 9);
  const late = at('i2', 'h1', '2026-01-01T10:00:01Z', 2);
  const elsewhere = at('i3', 'h2', '2020-01-01T00:00:00Z', 4);
  expect(latestFirst([early, late])).toEqual([late, early]);
  expect(latestFirst([late, elsewhere])).toEqual([elsewhere, late]);
});

test('of two Docker containers of an instance the one that runs counts, else the one that was named last', () => {
  const [old, late] = [made('i1', 'r1', { fence: 5 }), made('i1', 'r1', { fence: 9, state: 'EXITED' })];
  expect(onePerInstance([late.observed, old.observed])).toEqual([old.observed]);
  const stopped = { ...old.observed, state: 'EXITED' as const };
  expect(onePerInstance([stopped, late.observed])).toEqual([late.observed]);
});

test('what runs becomes the active revision with its leases, what is stopped is kept for a rollback', () => {
  const serving = recalled('i2', 'r2');
  const rebuilt = rebuiltOf(remains(serving, recalled('i1', 'r1', { state: 'EXITED' })));
  expect(rebuilt.container).toEqual({ id: 'c', ...serving.memo.container });
  expect(rebuilt.revisions.map(({ id, status, description }) => [id, status, description])).toEqual([
    ['r1', 'OBSOLETE', 'of r1'],
    ['r2', 'ACTIVE', 'of r2'],
  ]);
  expect(rebuilt.state).toMatchObject({ generation: 1, activeRevisionId: 'r2', stableRevisionId: 'r2', rollout: null });
  expect(rebuilt.state.instances).toMatchObject([
    { id: 'i2', role: 'SERVING', leased: true, gpuUuids: ['GPU-1'], port: 40_001, host: 'h1', address: '10.0.0.1' },
    { id: 'i1', role: 'RETAINED', leased: false },
  ]);
  expect(rebuilt.devices).toEqual([
    { instanceId: 'i2', host: 'h1', gpuUuids: ['GPU-1'], port: 40_001, memory: 512, cores: 1 },
  ]);
  expect(rebuilt).toMatchObject({ known: null, leased: ['i2'] });
});

test('what else runs is drained, and holds its devices until it is down', () => {
  const { state } = rebuiltOf(remains(recalled('i2', 'r2'), recalled('i1', 'r1')));
  expect(state.instances[1]).toMatchObject({ id: 'i1', role: 'DRAINING', leased: true, drainVersion: null });
});

describe('an older record', () => {
  const known = (...instances: ReturnType<typeof anInstance>[]) => ({
    record: {
      ...container,
      name: 'renamed',
      state: { ...EMPTY_STATE, generation: 1, activeRevisionId: 'r1', routed: ['i1'], instances },
    },
    state: 'the text',
  });
  const newer = recalled('i2', 'r2');
  const observed = [{ ...newer.observed, identity: { ...newer.observed.identity, generation: 6 } }];

  test('keeps what callers set, and its serving instance gives way', () => {
    const before = known(anInstance('i1', { role: 'SERVING', created: true }));
    const rebuilt = rebuiltOf({ ...remains(newer), known: before, observed });
    expect(rebuilt).toMatchObject({ known: 'the text', container: { name: 'renamed' }, leased: ['i2'] });
    expect(rebuilt.state).toMatchObject({ generation: 6, activeRevisionId: 'r2', routed: ['i1'] });
    expect(rebuilt.state.instances).toMatchObject([
      { id: 'i2', role: 'SERVING' },
      { id: 'i1', role: 'RETAINED', leased: false },
    ]);
  });

  test('keeps the leases of what runs, and of what cannot be seen', () => {
    const [up, away] = [anInstance('i1', { role: 'SERVING' }), anInstance('i9', { role: 'HELD', host: 'h9' })];
    const sight = { observed: [...observed, seen(up)], unobserved: new Set(['h9']) };
    const { state, leased } = rebuiltOf({ ...remains(newer), known: known(up, away), ...sight });
    expect(leased).toEqual(['i2', 'i1', 'i9']);
    expect(state.instances.map(({ role }) => role)).toEqual(['SERVING', 'DRAINING', 'RETAINED']);
  });

  test('has ports as they are by now', () => {
    const [serving, other] = [
      anInstance('i2', { revisionId: 'r2', port: 7 }),
      anInstance('i1', { role: 'SERVING', port: 8 }),
    ];
    const sight = { observed: [...observed, seen(other, { port: 9 })] };
    const { state, devices } = rebuiltOf({ ...remains(newer), known: known(serving, other), ...sight });
    expect(state.instances).toMatchObject([
      { id: 'i2', port: 40_001 },
      { id: 'i1', role: 'DRAINING', port: 9 },
    ]);
    expect(devices[0]).toMatchObject({ instanceId: 'i2', port: 40_001 });
  });

  test('has an instance serve again that it had retired', () => {
    const before = known(anInstance('i2', { role: 'RETAINED', leased: false, startedAt: 1, failed: 'it was left' }));
    const { state } = rebuiltOf({ ...remains(newer), known: before, observed });
    expect(state.instances).toMatchObject([{ id: 'i2', role: 'SERVING', leased: true, startedAt: null, failed: null }]);
  });

  test('is not stopped any more, since something newer of it runs', () => {
    const before = known(anInstance('i1', { role: 'RETAINED', leased: false }));
    const stopped = { ...before.record, state: { ...before.record.state, stopped: { since: 1, kept: ['i1'] } } };
    const { state } = rebuiltOf({ ...remains(newer), known: { ...before, record: stopped }, observed });
    expect(state.stopped).toBeUndefined();
  });
});
