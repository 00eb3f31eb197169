import { randomBytes } from 'node:crypto';
import { makeId } from '../../../src/domain/ids.js';
import type { RevisionSpec } from '../../../src/domain/revision.js';
import { specHash } from '../../../src/engine/docker-spec.js';
import {
  type EngineDriver,
  EngineError,
  type EngineErrorKind,
  type EngineEvent,
  type InstanceFilter,
  type InstanceIdentity,
  type InstanceSpec,
  instanceName,
  type ObservedInstance,
} from '../../../src/engine/driver.js';
import { until } from '../until.js';

/** What the suite needs of one engine. */
export interface EngineUnderTest {
  /** Two control planes on the same engine. */
  readonly driver: EngineDriver;
  readonly controlPlaneId: string;
  readonly otherDriver: EngineDriver;
  readonly otherControlPlaneId: string;
  /** An image that the engine has, with a shell, and the id of it. */
  readonly image: string;
  readonly gpuUuids: readonly string[];
  /** A free port of the address that containers bind. */
  readonly freePort: () => Promise<number>;
}

export const RUNS = ['sh', '-c', 'trap "exit 0" TERM; echo up; while :; do sleep 1; done'];
/** Writes two lines and ends with code 3. */
export const FAILS = ['sh', '-c', 'echo first; echo second >&2; exit 3'];

const SPEC: RevisionSpec = {
  image: { url: 'longshore/busybox:latest', command: RUNS, args: [], environment: { COLOUR: 'green' }, workingDir: '' },
  resources: null,
  executionTimeoutMs: 60_000,
  concurrency: 0,
  gpus: null,
  shmSize: 0,
  healthCheck: null,
  rolloutOrder: 'AUTO',
  pullPolicy: 'IF_ABSENT',
  runtime: 'PROCESS',
  minimumRunTimeMs: 0,
  minInstances: null,
};

export function newId(kind: Parameters<typeof makeId>[0]): string {
  return makeId(kind, randomBytes(17));
}

export function newIdentity(controlPlaneId: string): InstanceIdentity {
  return {
    controlPlaneId,
    containerId: newId('container'),
    revisionId: newId('revision'),
    instanceId: newId('instance'),
    ordinal: 0,
    generation: 7,
    operationId: newId('operation'),
  };
}

type InstanceChange = Partial<Omit<InstanceSpec, 'spec'>> & {
  readonly command?: readonly string[];
  readonly spec?: Partial<RevisionSpec>;
};

/** An instance of a shell that runs until it is stopped, unless `change` says otherwise. */
export function newInstance(controlPlaneId: string, imageId: string, change: InstanceChange = {}): InstanceSpec {
  const { command = RUNS, spec, ...rest } = change;
  const identity = rest.identity ?? newIdentity(controlPlaneId);
  return {
    name: instanceName(identity.instanceId, 1),
    identity,
    imageId,
    gpuUuids: [],
    port: null,
    address: '127.0.0.1',
    ...rest,
    spec: { ...SPEC, image: { ...SPEC.image, command }, ...spec },
  };
}

/** Waits for a failure and returns its kind; anything but an EngineError is an error here. */
export async function kindOf(call: Promise<unknown>): Promise<EngineErrorKind | 'NONE'> {
  try {
    await call;
    return 'NONE';
  } catch (error) {
    if (error instanceof EngineError) return error.kind;
    throw error;
  }
}

export async function seen(driver: EngineDriver, instance: InstanceSpec): Promise<ObservedInstance> {
  const found = await driver.list({ containerId: instance.identity.containerId });
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${found.length} containers instead of one`);
  return only;
}

/** What every EngineDriver promises. */
export function engineContract(setUp: () => Promise<EngineUnderTest>): void {
  let under: EngineUnderTest;
  let imageId: string;
  const instanceOf = (change: InstanceChange = {}) => newInstance(under.controlPlaneId, imageId, change);
  const started = async (change: InstanceChange = {}) => {
    const instance = instanceOf(change);
    await under.driver.create(instance);
    await under.driver.start(instance.name);
    return instance;
  };

  beforeAll(async () => {
    under = await setUp();
    const image = await under.driver.findImage(under.image);
    if (image === null) throw new Error(`the engine lacks ${under.image}`);
    imageId = image.id;
    await under.driver.ensureNetwork();
    await under.otherDriver.ensureNetwork();
  });

  afterEach(async () => {
    for (const driver of [under.driver, under.otherDriver])
      await Promise.all((await driver.list({})).map((instance) => driver.remove(instance.name)));
  });

  test('answers, and tells what it has', async () => {
    await under.driver.ping();
    const info = await under.driver.info();
    expect(info.version).not.toBe('');
    expect(info.memory).toBeGreaterThan(0);
    expect(info.cores).toBeGreaterThan(0);
  });

  test('finds images by tag and id, and tells an absent one from a name that is none', async () => {
    expect(await under.driver.findImage(imageId)).toMatchObject({ id: imageId, healthCheck: false });
    expect(await under.driver.findImage('longshore/absent:latest')).toBeNull();
    expect(await kindOf(under.driver.findImage('../containers/json?'))).toBe('PERMANENT');
  });

  test('tells which images have names and are in use, and takes none away from what is made of it', async () => {
    const shown = async () => (await under.driver.images()).find(({ id }) => id === imageId);
    const instance = newInstance(under.controlPlaneId, imageId);
    await under.driver.create(instance);
    expect(await shown()).toMatchObject({ inUse: true, tags: ['docker.io/longshore/busybox:latest'] });
    expect((await shown())?.size).toBeGreaterThan(0);
    expect(await kindOf(under.driver.removeImage(under.image))).toBe('CONFLICT');
    await under.driver.remove(instance.name);
    expect(await kindOf(under.driver.removeImage('longshore/absent:latest'))).toBe('NONE');
    expect(await kindOf(under.driver.removeImage('../containers/x'))).toBe('PERMANENT');
    expect(await shown()).toBeDefined();
  });

  test('shows what it created, not started', async () => {
    const instance = instanceOf({ port: await under.freePort() });
    await under.driver.create(instance);
    expect(await seen(under.driver, instance)).toMatchObject({
      name: instance.name,
      identity: instance.identity,
      fence: 1,
      specHash: specHash(instance),
      state: 'CREATED',
      imageId,
      port: instance.port,
      gpuUuids: [],
      health: null,
      error: '',
    });
  });

  test('refuses a name that is taken and an image that is absent', async () => {
    const instance = instanceOf();
    await under.driver.create(instance);
    expect(await kindOf(under.driver.create(instance))).toBe('CONFLICT');
    const imageless = instanceOf({ imageId: `sha256:${'0'.repeat(64)}` });
    expect(await kindOf(under.driver.create(imageless))).toBe('NOT_FOUND');
  });

  test('starts and stops, twice as well as once, and starts again in place', async () => {
    const instance = await started();
    await under.driver.start(instance.name);
    const first = await seen(under.driver, instance);
    expect(first.state).toBe('RUNNING');
    await under.driver.stop(instance.name, 5);
    await under.driver.stop(instance.name, 5);
    expect((await seen(under.driver, instance)).state).toBe('EXITED');
    await under.driver.start(instance.name);
    const second = await seen(under.driver, instance);
    expect(second.state).toBe('RUNNING');
    expect(second.dockerId).toBe(first.dockerId);
    expect(second.startedAt).not.toBe(first.startedAt);
  });

  test('finds nothing to start, stop or rename where nothing is, and nothing to remove', async () => {
    const name = instanceName(newId('instance'), 1);
    expect(await kindOf(under.driver.start(name))).toBe('NOT_FOUND');
    expect(await kindOf(under.driver.stop(name, 1))).toBe('NOT_FOUND');
    expect(await kindOf(under.driver.rename(name, `${name}2`))).toBe('NOT_FOUND');
    expect(await kindOf(under.driver.logs(name, { lines: 1, bytes: 100 }))).toBe('NOT_FOUND');
    expect(await kindOf(under.driver.remove(name))).toBe('NONE');
  });

  test('a rename makes every call by the former name miss', async () => {
    const instance = await started();
    const newName = instanceName(instance.identity.instanceId, 2);
    await under.driver.rename(instance.name, newName);
    expect(await kindOf(under.driver.stop(instance.name, 1))).toBe('NOT_FOUND');
    expect(await kindOf(under.driver.start(instance.name))).toBe('NOT_FOUND');
    expect(await seen(under.driver, instance)).toMatchObject({ name: newName, fence: 2, state: 'RUNNING' });
    const other = await started();
    expect(await kindOf(under.driver.rename(other.name, newName))).toBe('CONFLICT');
  });

  test('removes what runs, and what is gone', async () => {
    const instance = await started();
    await under.driver.remove(instance.name);
    await under.driver.remove(instance.name);
    expect(await under.driver.list({ containerId: instance.identity.containerId })).toEqual([]);
  });

  test('tells how a process ended and what it said', async () => {
    const instance = await started({ command: FAILS });
    await until('it has ended', async () => (await seen(under.driver, instance)).state === 'EXITED');
    expect((await seen(under.driver, instance)).exitCode).toBe(3);
    const all = await under.driver.logs(instance.name, { lines: 20, bytes: 4096 });
    expect(all.split('\n').toSorted()).toEqual(['first', 'second']);
    const last = await under.driver.logs(instance.name, { lines: 1, bytes: 4096 });
    expect(last).toMatch(/^(first|second)$/);
    expect((await under.driver.logs(instance.name, { lines: 20, bytes: 4 })).length).toBeLessThanOrEqual(4);
  });

  test('a command that does not exist ends with 127, since the init process starts in any case', async () => {
    const instance = await started({ command: ['/no/such/program'] });
    await until('it has ended', async () => (await seen(under.driver, instance)).state === 'EXITED');
    expect((await seen(under.driver, instance)).exitCode).toBe(127);
    expect(await under.driver.logs(instance.name, { lines: 20, bytes: 4096 })).toContain('/no/such/program');
  });

  test('a port that another container holds is a fault that may pass', async () => {
    const port = await under.freePort();
    await started({ port });
    const second = instanceOf({ port });
    await under.driver.create(second);
    await expect(under.driver.start(second.name)).rejects.toMatchObject({ kind: 'TRANSIENT', reason: 'PORT_TAKEN' });
    expect((await seen(under.driver, second)).state).toBe('CREATED');
  });

  test('lists by container, and never what belongs to another control plane', async () => {
    const mine = await started();
    const another = await started();
    const foreign = newInstance(under.otherControlPlaneId, imageId);
    await under.otherDriver.create(foreign);
    const resting = newInstance(under.controlPlaneId, imageId);
    await under.driver.create(resting);
    const names = async (filter: InstanceFilter) =>
      (await under.driver.list(filter)).map((instance) => instance.name).toSorted();
    expect(await names({})).toEqual([mine.name, another.name, resting.name].toSorted());
    expect(await names({ active: true })).toEqual([mine.name, another.name].toSorted());
    expect((await under.otherDriver.list({})).map((instance) => instance.name)).toEqual([foreign.name]);
    expect((await seen(under.driver, mine)).name).toBe(mine.name);
  });

  test('one container is shown by its name as in a list, and only to its control plane', async () => {
    const mine = await started();
    expect(await under.driver.inspect(mine.name)).toEqual(await seen(under.driver, mine));
    expect(await under.otherDriver.inspect(mine.name)).toBeNull();
    expect(await under.driver.inspect(instanceName(newId('instance'), 1))).toBeNull();
  });

  test('tells what one was made with, and only to its control plane', async () => {
    const spec = { image: { ...SPEC.image, command: RUNS, environment: { SECRET: 'a=b' } } };
    const mine = instanceOf({ memo: 'of its records', spec });
    await under.driver.create(mine);
    const makings = await under.driver.makings(mine.name);
    expect(makings).toMatchObject({ memo: 'of its records', entrypoint: RUNS });
    expect(makings?.environment).toContain('SECRET=a=b');
    expect(await under.otherDriver.makings(mine.name)).toBeNull();
    expect(await under.driver.makings(instanceName(newId('instance'), 1))).toBeNull();
  });

  test('counts the devices of another control plane as taken, while they are in use', async () => {
    const [gpu = ''] = under.gpuUuids;
    const foreign = newInstance(under.otherControlPlaneId, imageId, { gpuUuids: [gpu] });
    await under.otherDriver.create(foreign);
    expect(await under.driver.foreignGpus(under.gpuUuids)).toEqual([]);
    await under.otherDriver.start(foreign.name);
    expect(await under.driver.foreignGpus(under.gpuUuids)).toEqual([gpu]);
    expect(await under.otherDriver.foreignGpus(under.gpuUuids)).toEqual([]);
    expect((await seen(under.otherDriver, foreign)).gpuUuids).toEqual([gpu]);
    await under.otherDriver.stop(foreign.name, 5);
    expect(await under.driver.foreignGpus(under.gpuUuids)).toEqual([]);
  });

  test('belongs to the control plane that claimed it first', async () => {
    const claims = await Promise.all([under.driver.claim(), under.driver.claim(), under.otherDriver.claim()]);
    const owners = new Set(claims.map((claim) => claim.owner));
    expect(owners.size).toBe(1);
    expect([under.controlPlaneId, under.otherControlPlaneId]).toContain(claims[0].owner);
    expect(claims[0].as).toBe(under.driver.host);
  });

  test('makes its network once, however often it is asked', async () => {
    await Promise.all([under.driver.ensureNetwork(), under.driver.ensureNetwork()]);
    await under.driver.ensureNetwork();
    const instance = await started();
    expect((await seen(under.driver, instance)).state).toBe('RUNNING');
  });

  test('tells of what happens to containers, until it is told to end', async () => {
    const end = new AbortController();
    const events: EngineEvent[] = [];
    const reading = (async () => {
      for await (const event of under.driver.events(end.signal)) events.push(event);
    })();
    // A subscription has no moment at which it is known to be made, so things happen until one is seen.
    const instance = await started();
    await until('an event', async () => {
      await under.driver.stop(instance.name, 5);
      await under.driver.start(instance.name);
      return events.length > 0;
    });
    await under.driver.remove(instance.name);
    await until('the end is seen', () => events.some((event) => event.action === 'destroy'));
    end.abort();
    await reading;
    const { containerId, instanceId } = instance.identity;
    expect(events.every((event) => event.containerId === containerId && event.instanceId === instanceId)).toBe(true);
    expect(events.map((event) => event.action)).toContain('start');
  });

  test('a call whose caller has left does nothing', async () => {
    const left = AbortSignal.abort();
    const instance = instanceOf();
    expect(await kindOf(under.driver.create(instance, left))).toBe('UNREACHABLE');
    expect(await kindOf(under.driver.list({}, left))).toBe('UNREACHABLE');
    expect(await under.driver.list({ containerId: instance.identity.containerId })).toEqual([]);
  });
}
