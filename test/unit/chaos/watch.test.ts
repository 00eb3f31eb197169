import type { Answer, Calls } from '../../../chaos/calls.js';
import type { DockerContainer, DockerView } from '../../../chaos/docker.js';
import { type Entry, Ledger } from '../../../chaos/ledger.js';
import { Watch } from '../../../chaos/watch.js';
import { callsTo, ended, failedWith, onDocker, open, operation, record, shown } from '../../support/chaos/records.js';

interface Seen {
  readonly entries?: readonly Entry[];
  readonly calls?: Calls;
  /** What each engine has; null: it does not answer. */
  readonly docker?: readonly (readonly DockerContainer[] | null)[];
  readonly gpuOverlaps?: readonly string[];
}

function watching({ entries = [], calls = callsTo({}), docker = [], gpuOverlaps = [] }: Seen) {
  const ledger = new Ledger();
  const one = record([]);
  ledger.created(one);
  for (const entry of entries) ledger.acknowledged(one, entry);
  const views = docker.map(
    (found, index): DockerView => ({
      host: `host-${index + 1}`,
      containers: () => (found === null ? Promise.reject(new Error('silent')) : Promise.resolve(found)),
      networks: async () => [],
      volumes: async () => [],
    }),
  );
  const watch = new Watch({ ledger, calls, docker: views, gpuOverlaps: () => gpuOverlaps });
  return { watch, one, said: () => ledger.violations.map(({ what }) => what) };
}

const refusing = (code: number): Calls => ({
  ...callsTo({}),
  once: async <T>(): Promise<Answer<T> | null> => ({ refusal: { code, message: 'no' } }),
});

describe('operations are read', () => {
  it('and one that is gone is a violation', async () => {
    const { watch, said } = watching({ entries: [open('o1')], calls: refusing(5) });
    await watch.readOperations();
    expect(said()).toEqual(['operation o1 was acknowledged and is gone']);
  });

  it.each([
    ['refused otherwise', refusing(16)],
    ['not answered', callsTo({}, ['Get operation'])],
  ])('and nothing is known where that is %s', async (_how, calls) => {
    const { watch, said } = watching({ entries: [open('o1')], calls });
    await watch.readOperations();
    expect(said()).toEqual([]);
  });

  it.each([
    ['succeeds though it cannot', {}, false, ['operation o1 succeeded with an image that cannot']],
    ['fails since it cannot succeed', failedWith(9), false, []],
    ['succeeds', {}, true, []],
  ])('one that %s', async (_what, result, canSucceed, faults) => {
    const { watch, one, said } = watching({
      entries: [open('o1', { canSucceed })],
      calls: callsTo({ operation: async (id) => operation(id, result) }),
    });
    await watch.readOperations();
    expect(one.entries[0]?.end?.operation).toEqual(operation('o1', result));
    expect(one.servesSince !== null).toBe(!('error' in result));
    expect(said()).toEqual(faults);
  });

  it.each<[boolean, string, Entry[]]>([
    [true, 'a Start', [ended('o1'), ended('o2', { method: 'Stop' }), open('o3', { method: 'Start' })]],
    [true, 'a deploy', [ended('o1'), ended('o2', { method: 'Stop' }), open('o3')]],
    [false, 'a deploy that was asked for before', [open('o1'), open('o2', { method: 'Stop' })]],
    [false, 'a rollback', [ended('o1'), ended('o2', { method: 'Stop' }), open('o3', { method: 'Rollback' })]],
  ])('and serving after a Stop is %s to come of %s', async (serves, _what, entries) => {
    const { watch, one } = watching({ entries, calls: callsTo({ operation: async (id) => operation(id) }) });
    one.stopAskedAfter = entries.findIndex(({ method }) => method === 'Stop');
    await watch.readOperations();
    expect(one.servesSince !== null).toBe(serves);
  });

  it('again after their end, when they must not change', async () => {
    const { watch, said } = watching({
      entries: [ended('o1')],
      calls: callsTo({ operation: async (id) => operation(id, { description: 'another' }) }),
    });
    await watch.readOperations();
    expect(said()).toEqual([expect.stringMatching(/^operation o1 changed after its end/)]);
  });
});

describe('engines are looked at', () => {
  const OTHER = onDocker({ id: 'd2', name: 'ls-i2-f1', instance: 'i2', host: 'host-2' });
  const DELETE = ended('o2', { method: 'Delete', revisionId: null });

  it('and what is unwanted, or shares a GPU, is a violation', async () => {
    const seen = { entries: [ended('o1'), DELETE], docker: [[onDocker()]], gpuOverlaps: ['G1 is used twice'] };
    const { watch, said } = watching(seen);
    await watch.lookAtDocker();
    expect(said()).toEqual(['G1 is used twice', 'ls-i1-f1 runs on host-1, and its container one was deleted']);
  });

  it('and where containers run is noted', async () => {
    const { watch, said } = watching({ docker: [[onDocker()], [{ ...OTHER, running: false }]] });
    await watch.lookAtDocker();
    await watch.lookAtDocker();
    expect(watch.stays.get('one')).toEqual([
      { host: 'host-1', from: expect.any(Number) as number, to: expect.any(Number) as number },
    ]);
    expect(said()).toEqual([]);
  });

  it('and several that run of a container at rest are noted, for as long as nothing is asked of it', async () => {
    const { watch, one } = watching({ entries: [ended('o1')], docker: [[onDocker()], [OTHER]] });
    const crowd = { container: 'one', names: 'ls-i1-f1 and ls-i2-f1', hosts: ['host-1', 'host-2'] };
    await watch.lookAtDocker();
    await watch.lookAtDocker();
    expect(watch.crowds).toEqual([expect.objectContaining({ ...crowd, operations: 1 })]);
    one.entries.push(ended('o2'));
    await watch.lookAtDocker();
    expect(watch.crowds).toHaveLength(2);
  });

  it.each<[string, Seen]>([
    ['something is under way', { entries: [open('o1')], docker: [[onDocker()], [OTHER]] }],
    ['only one runs', { entries: [ended('o1')], docker: [[onDocker()], [{ ...OTHER, running: false }]] }],
    ['they are of two containers', { docker: [[onDocker()], [{ ...OTHER, container: 'two' }]] }],
    ['an engine does not answer', { docker: [[onDocker()], [OTHER], null] }],
  ])('and no crowd is noted where %s', async (_what, seen) => {
    const { watch } = watching(seen);
    await watch.lookAtDocker();
    expect(watch.crowds).toEqual([]);
  });
});

test('containers at rest are read, and what is wrong with them is a violation', async () => {
  const calls = callsTo({
    operation: async (id) => operation(id),
    operationsOf: async () => [operation('o1')],
    container: async () => shown({ active_revision_id: '' }),
    revisions: async () => [{ id: 'r1', status: 'ACTIVE' }],
  });
  const { watch, said } = watching({ entries: [ended('o1')], calls });
  const over = watch.run();
  watch.stop();
  await over;
  expect(said()).toContain('container one (c1-1) has nothing active; the last operation that succeeded made it r1');
});
