import fc from 'fast-check';
import { createHostTable } from '../../../src/scheduler/host-table.js';
import type { HeldDevices } from '../../../src/scheduler/placement.js';
import { aHost } from '../../support/reconciler/builders.js';

const gpu = (uuid: string) => ({ uuid, name: 'NVIDIA H200', memory: 100 });
const host = (name: string) => aHost(name, { gpus: [gpu('g1'), gpu('g2')], foreignGpus: [] });
const held = (instanceId: string, on: string, part: Partial<HeldDevices> = {}): HeldDevices => ({
  ...{ instanceId, containerId: `c-${instanceId}`, host: on, gpuUuids: [], port: null, memory: 10, cores: 1 },
  ...part,
});

test('shows what is held of a host, from whichever side it is told first', () => {
  const table = createHostTable();
  table.putDevices('i1', held('i1', 'a', { gpuUuids: ['g1'], port: 7 }));
  expect(table.snapshots).toEqual([]);
  table.putHost('a', host('a'));
  const [snapshot] = table.snapshots;
  expect(snapshot).toMatchObject({ instances: 1, leasedMemory: 10, leasedCores: 1, freeGpus: [gpu('g2')] });
  expect(snapshot?.takenGpus).toEqual(new Set(['g1']));
  expect(snapshot?.takenPorts).toEqual(new Set([7]));
  expect(table.containersOn('a')).toEqual(['c-i1']);
  table.putDevices('i1', null);
  expect(table.snapshots[0]).toMatchObject({ instances: 0, leasedMemory: 0, freeGpus: [gpu('g1'), gpu('g2')] });
});

test('what is being asked for counts as held at once, until that is over, and once when it is known as well', () => {
  const table = createHostTable();
  // Whoever chooses has read the list before, and waited since.
  const { snapshots } = table;
  table.putHost('a', host('a'));
  const asked = held('i1', 'a', { gpuUuids: ['g1'] });
  const reservation = table.reserve(asked);
  expect(snapshots[0]).toMatchObject({ instances: 1, freeGpus: [gpu('g2')] });
  table.putDevices('i1', asked);
  expect(snapshots[0]).toMatchObject({ instances: 1 });
  reservation.drop();
  expect(snapshots[0]).toMatchObject({ instances: 1 });
  table.putDevices('i1', null);
  expect(snapshots[0]).toMatchObject({ instances: 0 });
});

test('a host that went and came back has what is held there, and the list is the same one throughout', () => {
  const table = createHostTable();
  const { snapshots } = table;
  for (const name of ['a', 'b', 'c']) table.putHost(name, host(name));
  table.putDevices('i1', held('i1', 'a'));
  table.putHost('a', null);
  expect(snapshots.map((one) => one.host.name).sort()).toEqual(['b', 'c']);
  table.putHost('a', host('a'));
  expect(snapshots.find((one) => one.host.name === 'a')).toMatchObject({ instances: 1 });
  table.clear();
  expect(snapshots).toEqual([]);
});

test('after any changes it shows the same as a table that was told of the outcome alone', () => {
  const names = fc.constantFrom('a', 'b', 'c');
  const ids = fc.constantFrom('i1', 'i2', 'i3', 'i4');
  const change = fc.oneof(
    fc.record({ kind: fc.constant('host' as const), name: names, there: fc.boolean() }),
    fc.record({
      kind: fc.constant('devices' as const),
      id: ids,
      on: fc.option(names),
      gpu: fc.constantFrom('g1', 'g2'),
    }),
    fc.record({ kind: fc.constant('reserve' as const), id: ids, on: names }),
    fc.record({ kind: fc.constant('drop' as const), at: fc.nat(3) }),
    fc.record({ kind: fc.constant('clear' as const) }),
  );
  const shares = { port: 40_000, cores: 0.1 };
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const table = createHostTable();
      const hosts = new Map<string, boolean>();
      const devices = new Map<string, HeldDevices | null>();
      const reserved: { readonly devices: HeldDevices; drop(): void }[] = [];
      for (const one of changes) {
        if (one.kind === 'host') {
          hosts.set(one.name, one.there);
          table.putHost(one.name, one.there ? host(one.name) : null);
        } else if (one.kind === 'devices') {
          const put = one.on === null ? null : held(one.id, one.on, { ...shares, gpuUuids: [one.gpu] });
          devices.set(one.id, put);
          table.putDevices(one.id, put);
        } else if (one.kind === 'reserve') {
          const asked = held(one.id, one.on, { ...shares, gpuUuids: ['g2'] });
          reserved.push({ devices: asked, ...table.reserve(asked) });
        } else if (one.kind === 'drop') {
          for (const { drop } of reserved.splice(one.at, 1)) drop();
        } else {
          hosts.clear();
          devices.clear();
          table.clear();
        }
      }
      const fresh = createHostTable();
      for (const [id, put] of devices) if (put !== null) fresh.putDevices(id, put);
      for (const one of reserved) fresh.reserve(one.devices);
      for (const [name, there] of hosts) if (there) fresh.putHost(name, host(name));
      const sorted = (list: typeof table.snapshots) =>
        list.toSorted((one, other) => one.host.name.localeCompare(other.host.name));
      expect(sorted(table.snapshots)).toEqual(sorted(fresh.snapshots));
    }),
  );
});
