import { EngineError, type EngineErrorKind } from '../../../src/engine/driver.js';
import { createMemoryHost } from '../../../src/engine/memory-driver.js';
import { createFleet } from '../../../src/fleet/fleet.js';

const fault = (kind: EngineErrorKind, text = 'it went wrong') => new EngineError(kind, 'gpu-1', text);

function setUp(localGpus: () => Promise<never> | Promise<[]> = () => Promise.resolve([])) {
  let time = 0;
  const returned: string[] = [];
  const host = createMemoryHost({ host: 'gpu-1' });
  const config = {
    ...{ name: 'gpu-1', endpoint: 'unix:///run/engine.sock', address: '127.0.0.1', tls: null, labels: {} },
    ...{ gpus: 'auto' as const, ports: { first: 30_000, last: 30_010 } },
  };
  const fleet = createFleet({
    hosts: [config],
    controlPlaneId: 'plane',
    driver: () => host.driver('plane'),
    localGpus,
    returned: (name) => returned.push(name),
    now: () => time,
  });
  const later = (ms: number) => {
    time += ms;
  };
  return { fleet, host, later, returned };
}

describe('what a host is found to be', () => {
  test.each([
    ['CONFLICT', 'REFUSED'],
    ['PERMANENT', 'REFUSED'],
    ['NOT_FOUND', 'UNFIT'],
    ['TRANSIENT', 'UNFIT'],
    ['UNREACHABLE', 'SILENT'],
    ['UNKNOWN_OUTCOME', 'SILENT'],
  ] as const)('a claim that ends with %s makes it %s, and says why', async (fails, kind) => {
    const { fleet, host } = setUp();
    host.failNext('claim', fault(fails));
    expect(await fleet.inspect('gpu-1')).toEqual({ kind, reason: 'it went wrong' });
    expect(await fleet.inspect('gpu-1')).toMatchObject({ kind: 'ANSWERED', inventory: { gpus: [] } });
  });

  test('a volume that is nobody`s refuses the work on a container for good', async () => {
    const { fleet, host } = setUp();
    host.failNext('claim', fault('CONFLICT'));
    await expect(fleet.ready('gpu-1')).rejects.toMatchObject({ kind: 'PERMANENT', message: 'it went wrong' });
  });

  test('an engine that is another host by its claim is refused, whatever leads to it', async () => {
    const { fleet, host } = setUp();
    host.engine.claim = { owner: 'plane', as: 'a' };
    const reason = expect.stringMatching(/is host a already.*docker volume rm longshore-owner/);
    expect(await fleet.inspect('gpu-1')).toEqual({ kind: 'REFUSED', reason });
    host.engine.claim = { owner: 'plane', as: '' };
    expect(await fleet.inspect('gpu-1')).toMatchObject({ kind: 'ANSWERED' });
  });

  test('GPUs that are found here and listed for another host are given to neither twice', async () => {
    const gpu = { uuid: 'GPU-1', name: 'H200', memory: 1 };
    const hosts = ['found', 'listed'].map((name) => ({
      ...{ name, endpoint: `unix:///${name}`, address: '127.0.0.1', tls: null, labels: {} },
      ...{ gpus: name === 'found' ? ('auto' as const) : [gpu], ports: { first: 30_000, last: 30_010 } },
    }));
    const driver = ({ name }: { name: string }) => createMemoryHost({ host: name }).driver('plane');
    const fleet = createFleet({ hosts, controlPlaneId: 'plane', driver, localGpus: () => Promise.resolve([gpu]) });
    const reason =
      'GPU-1, which nvidia-smi finds here, is listed for host listed too; list the GPUs of each, or write none';
    expect(await fleet.inspect('found')).toEqual({ kind: 'REFUSED', reason });
    expect(await fleet.inspect('listed')).toMatchObject({ kind: 'ANSWERED', inventory: { gpus: [gpu] } });
  });

  test('GPUs that cannot be read are no reason to leave the engine alone', async () => {
    const { fleet } = setUp(() => Promise.reject(fault('TRANSIENT', 'nvidia-smi: no answer')));
    expect(await fleet.inspect('gpu-1')).toEqual({ kind: 'UNFIT', reason: 'nvidia-smi: no answer' });
    expect((await fleet.ready('gpu-1')).host).toBe('gpu-1');
  });
});

describe('a host that did not answer', () => {
  const claims = (host: ReturnType<typeof setUp>['host']) => host.calls.filter((call) => call === 'claim').length;

  test('is not asked again for a while, which doubles up to a quarter of a minute', async () => {
    const { fleet, host, later } = setUp();
    for (const ms of [2_000, 4_000, 8_000, 15_000, 15_000]) {
      host.failNext('claim', fault('UNKNOWN_OUTCOME'));
      await expect(fleet.ready('gpu-1')).rejects.toMatchObject({ kind: 'UNREACHABLE' });
      const before = claims(host);
      later(ms - 1);
      await expect(fleet.ready('gpu-1')).rejects.toMatchObject({ kind: 'UNREACHABLE', message: 'it went wrong' });
      expect(claims(host)).toBe(before);
      later(1);
    }
    expect((await fleet.ready('gpu-1')).host).toBe('gpu-1');
    fleet.forget('gpu-1', fault('UNREACHABLE'));
    later(2_000);
    expect((await fleet.ready('gpu-1')).host).toBe('gpu-1');
  });

  test('costs the time of one caller only, when it is due to be asked again', async () => {
    const { fleet, host, later } = setUp();
    host.suspend();
    fleet.forget('gpu-1', fault('UNREACHABLE', 'no answer'));
    later(2_000);
    const asking = fleet.ready('gpu-1');
    await expect(fleet.ready('gpu-1')).rejects.toMatchObject({ message: 'no answer' });
    host.resume();
    expect((await asking).host).toBe('gpu-1');
    expect((await fleet.ready('gpu-1')).host).toBe('gpu-1');
  });

  test('counts as silent once, though many calls fail at the same time', async () => {
    const { fleet, later } = setUp();
    for (let count = 0; count < 16; count += 1) fleet.forget('gpu-1', fault('UNREACHABLE'));
    later(2_000);
    expect((await fleet.ready('gpu-1')).host).toBe('gpu-1');
  });

  test('is asked by an inspection at any time, which ends the silence', async () => {
    const { fleet } = setUp();
    fleet.forget('gpu-1', fault('UNREACHABLE'));
    expect(await fleet.inspect('gpu-1')).toMatchObject({ kind: 'ANSWERED' });
    expect((await fleet.ready('gpu-1')).host).toBe('gpu-1');
  });

  test('is told of once by the first who finds that it answers, and not where it was looked at', async () => {
    const { fleet, later, returned } = setUp();
    await fleet.ready('gpu-1');
    fleet.forget('gpu-1', fault('UNREACHABLE'));
    await expect(fleet.ready('gpu-1')).rejects.toMatchObject({ kind: 'UNREACHABLE' });
    expect(returned).toEqual([]);
    later(2_000);
    await fleet.ready('gpu-1');
    await fleet.ready('gpu-1');
    expect(returned).toEqual(['gpu-1']);
    fleet.forget('gpu-1', fault('UNREACHABLE'));
    await fleet.inspect('gpu-1');
    await fleet.ready('gpu-1');
    expect(returned).toEqual(['gpu-1']);
  });
});
