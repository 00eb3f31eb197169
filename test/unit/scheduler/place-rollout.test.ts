import { placeRollout, type RolloutPlacement } from '../../../src/scheduler/place-rollout.js';
import { aHost, aRequest, aRetained, aServing, aSnapshot } from '../../support/reconciler/builders.js';

const gpu = (uuid: string) => ({ uuid, name: 'NVIDIA H200', memory: 100 });
const oneGpu = { count: 1, model: '', minMemory: 0 };
const host = aHost('h1', { gpus: [gpu('g1'), gpu('g2')] });
const former = { instance: aServing('i1', { gpuUuids: ['g1'] }), resources: null };
const holds = (...uuids: string[]) => aSnapshot(host, { takenGpus: new Set(uuids), takenPorts: new Set([40_000]) });
const full = holds('g1', 'g2');

const rollout = (part: Partial<RolloutPlacement> = {}): RolloutPlacement => ({
  request: aRequest({ gpus: oneGpu, needsPort: true }),
  order: 'AUTO',
  former,
  retained: null,
  ...part,
});
const handOver = { kind: 'STOP_FIRST', former: former.instance, retained: null };

describe('the order of a rollout', () => {
  it('AUTO starts first where there is room for both', () => {
    const placed = { ok: true, host: 'h1', gpus: [gpu('g2')], port: 40_001 };
    expect(placeRollout(rollout(), [holds('g1')])).toEqual({ kind: 'NEW', placed });
  });

  it('AUTO stops first where all devices are taken and the former ones will do', () => {
    expect(placeRollout(rollout(), [full])).toEqual(handOver);
  });

  it('STOP_FIRST does so though there is room', () => {
    expect(placeRollout(rollout({ order: 'STOP_FIRST' }), [holds('g1')])).toEqual(handOver);
  });

  it('STOP_FIRST by name is refused where nothing can be handed over, rather than letting both run', () => {
    const asked = { order: 'STOP_FIRST', request: { ...rollout({}).request, needsPort: false } } as const;
    expect(placeRollout(rollout(asked), [holds('g1')])).toMatchObject({ kind: 'REFUSED' });
  });

  it('STOP_FIRST has nothing to stop at the first deploy', () => {
    expect(placeRollout(rollout({ order: 'STOP_FIRST', former: null }), [holds()]).kind).toBe('NEW');
  });

  it('START_FIRST waits for room', () => {
    const message = 'h1 has 0 of 1 GPUs free, 2 in all';
    expect(placeRollout(rollout({ order: 'START_FIRST' }), [full])).toEqual({ kind: 'BLOCKED', message });
  });

  it.each([
    ['needs another number of devices', { request: aRequest({ gpus: { ...oneGpu, count: 2 }, needsPort: true }) }],
    ['needs no port', { request: aRequest({ gpus: oneGpu }) }],
    [
      'has a former instance without leases',
      { former: { ...former, instance: { ...former.instance, leased: false } } },
    ],
  ])('AUTO waits where the revision %s', (_why, part) => {
    expect(placeRollout(rollout(part), [full]).kind).toBe('BLOCKED');
  });

  it('is given up where no host could ever take it, but not before a host was seen', () => {
    const request = aRequest({ gpus: { ...oneGpu, model: 'T4' }, needsPort: true });
    const reasons = [{ host: 'h1', reason: 'has 0 of 1 GPUs like "T4"' }];
    const refused = { ok: false, possible: false, reasons, unnamed: 0 };
    expect(placeRollout(rollout({ request }), [full])).toEqual({ kind: 'IMPOSSIBLE', refused });
    expect(placeRollout(rollout({ request }), [])).toEqual({ kind: 'BLOCKED', message: 'there are no hosts' });
  });

  it('waits for a host that might have the image, and for no other', () => {
    const imageHosts = (...unasked: string[]) => ({ ...rollout().request, imageHosts: { having: [], unasked } });
    expect(placeRollout(rollout({ request: imageHosts('h1'), former: null }), [holds()]).kind).toBe('BLOCKED');
    expect(placeRollout(rollout({ request: imageHosts(), former: null }), [holds()]).kind).toBe('IMPOSSIBLE');
  });

  it('counts the memory of the former instance as free for its successor only', () => {
    const resources = { memory: 60, cores: 0, coreFraction: 100 };
    const snapshot = aSnapshot({ ...host, memory: 100 }, { leasedMemory: 60, takenPorts: new Set([40_000]) });
    const asked = {
      request: aRequest({ resources, needsPort: true }),
      former: { instance: aServing('i1'), resources },
    };
    expect(placeRollout(rollout(asked), [snapshot]).kind).toBe('STOP_FIRST');
    expect(placeRollout(rollout({ ...asked, former: null }), [snapshot]).kind).toBe('BLOCKED');
  });
});

describe('a retained instance', () => {
  const retained = aRetained('i0', { gpuUuids: ['g2'], port: 40_005 });

  it('is started where exactly its devices are free', () => {
    expect(placeRollout(rollout({ retained }), [holds('g1')])).toEqual({ kind: 'RETAINED', instance: retained });
  });

  it.each([
    ['a device of its is taken', { ...retained, gpuUuids: ['g1'] }, holds('g1')],
    ['its port is taken', { ...retained, port: 40_000 }, holds('g1')],
    ['its device is no more', { ...retained, gpuUuids: ['g9'] }, holds('g1')],
    ['it was never created', { ...retained, created: false }, holds('g1')],
  ])('is not where %s', (_why, instance, snapshot) => {
    expect(placeRollout(rollout({ retained: instance }), [snapshot]).kind).toBe('NEW');
  });

  it('takes over under stop-first where it has the devices and the port of the former one', () => {
    const same = aRetained('i0', { gpuUuids: ['g1'] });
    expect(placeRollout(rollout({ retained: same }), [full])).toEqual({ ...handOver, retained: same });
    expect(placeRollout(rollout({ retained }), [full])).toEqual(handOver);
  });
});
