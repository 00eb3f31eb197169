import type { Gpu, HostRecord } from '../domain/host.js';
import { type EngineDriver, EngineError } from '../engine/driver.js';
import type { HostConfig } from './host-config.js';
import { createSilences } from './silences.js';

export interface FleetDeps {
  readonly hosts: readonly HostConfig[];
  readonly controlPlaneId: string;
  /** One driver per host; kept for the life of the process. */
  readonly driver: (host: HostConfig) => EngineDriver;
  /** The GPUs of the machine that we run on. */
  readonly localGpus: () => Promise<readonly Gpu[]>;
  /** Somebody who wanted to use a host that had been silent has found that it answers: it need not wait for its next look. */
  readonly returned?: (host: string) => void;
  /** Milliseconds that only go forward; the process's own by default. */
  readonly now?: () => number;
}

/** An engine that this process may use: reached, claimed for this control plane, and with its network in place. */
export interface Fleet {
  readonly names: readonly string[];
  /** Null: no host of that name is configured here. */
  config(name: string): HostConfig | null;
  /** The driver, without any check: for looking. */
  driver(name: string): EngineDriver | null;
  /**
   * The driver once the host has passed its preflight. Fails with EngineError: UNREACHABLE, or PERMANENT where the engine is not ours to use.
   * A pass is remembered until `forget`. A host that just did not answer is UNREACHABLE at once for some seconds, and while somebody else asks it
   * again, so that a hung engine costs one caller its time and not all of them.
   */
  ready(name: string): Promise<EngineDriver>;
  /** The next use checks the host again; `fault`, where it did not answer, leaves it alone for a while before that. */
  forget(name: string, fault?: EngineError): void;
  /** What the host has now, or why it does not say. Never fails for a fault of the host. */
  inspect(name: string, signal?: AbortSignal): Promise<Inspection>;
}

/** What an engine tells of its host. */
export type Inventory = Pick<HostRecord, 'gpus' | 'foreignGpus' | 'memory' | 'cores' | 'engineVersion'>;

export type Inspection =
  | { readonly kind: 'ANSWERED'; readonly inventory: Inventory }
  /** SILENT: no answer. UNFIT: an answer that does not say enough. REFUSED: not ours to use. */
  | { readonly kind: 'SILENT' | 'UNFIT' | 'REFUSED'; readonly reason: string };

export function createFleet(deps: FleetDeps): Fleet {
  const hosts = new Map(deps.hosts.map((config) => [config.name, { config, driver: deps.driver(config) }]));
  const passed = new Map<string, Promise<EngineDriver>>();
  const { leaveAlone, answered, alone, isSilent } = createSilences(deps.now ?? (() => performance.now()));

  const check = (name: string, driver: EngineDriver): Promise<EngineDriver> => {
    const known = passed.get(name);
    if (known) return known;
    const pass = preflight(driver, deps.controlPlaneId).then(
      (checked) => {
        answered(name);
        return checked;
      },
      (error: unknown) => {
        if (passed.get(name) === pass) passed.delete(name);
        if (error instanceof EngineError) leaveAlone(name, error);
        throw error;
      },
    );
    passed.set(name, pass);
    return pass;
  };

  const ready = async (name: string): Promise<EngineDriver> => {
    const host = hosts.get(name);
    if (!host) throw new EngineError('UNREACHABLE', name, NOT_CONFIGURED);
    const silence = alone(name, passed.has(name));
    if (silence) throw silence;
    const wasSilent = isSilent(name);
    const driver = await check(name, host.driver);
    if (wasSilent) deps.returned?.(name);
    return driver;
  };

  const inventoryOf = async (config: HostConfig, driver: EngineDriver, signal?: AbortSignal): Promise<Inventory> => {
    const listed = config.gpus === 'auto' ? deps.localGpus() : Promise.resolve(config.gpus);
    const [{ version: engineVersion, memory, cores }, gpus] = await Promise.all([driver.info(signal), listed]);
    const uuids = gpus.map((gpu) => gpu.uuid);
    refuseShared(config, uuids);
    return { gpus, foreignGpus: await driver.foreignGpus(uuids, signal), memory, cores, engineVersion };
  };

  /** What nvidia-smi finds may be listed for another host, and would be leased twice. */
  const refuseShared = ({ name, gpus }: HostConfig, found: readonly string[]): void => {
    if (gpus !== 'auto') return;
    for (const other of deps.hosts) {
      const shared = other.gpus === 'auto' ? undefined : other.gpus.find(({ uuid }) => found.includes(uuid));
      if (shared === undefined) continue;
      const text = `${shared.uuid}, which nvidia-smi finds here, is listed for host ${other.name} too; list the GPUs of each, or write none`;
      throw new EngineError('PERMANENT', name, text);
    }
  };

  return {
    names: [...hosts.keys()],
    config: (name) => hosts.get(name)?.config ?? null,
    driver: (name) => hosts.get(name)?.driver ?? null,
    ready,
    forget: (name, fault) => {
      passed.delete(name);
      if (fault) leaveAlone(name, fault);
    },
    async inspect(name, signal) {
      const host = hosts.get(name);
      if (!host) throw new RangeError(`host ${name} is not configured`);
      try {
        // Asked first, since it is the one call that tells a silent engine within seconds.
        await host.driver.ping(signal);
        // Somebody may have taken the engine away from us by hand.
        passed.delete(name);
        return { kind: 'ANSWERED', inventory: await inventoryOf(host.config, await check(name, host.driver), signal) };
      } catch (error) {
        passed.delete(name);
        if (!(error instanceof EngineError)) throw error;
        if (!signal?.aborted) leaveAlone(name, error);
        return { kind: inspectionKind(error), reason: error.message };
      }
    },
  };
}

function inspectionKind({ kind }: EngineError): Exclude<Inspection['kind'], 'ANSWERED'> {
  if (kind === 'PERMANENT') return 'REFUSED';
  return kind === 'UNREACHABLE' || kind === 'UNKNOWN_OUTCOME' ? 'SILENT' : 'UNFIT';
}

/** Claiming and making a network may run late without harm, so an outcome that is not known is no answer and no more. */
async function preflight(driver: EngineDriver, controlPlaneId: string): Promise<EngineDriver> {
  try {
    const { owner, as } = await driver.claim();
    if (owner !== controlPlaneId) throw new EngineError('PERMANENT', driver.host, refusal(owner, driver.host));
    if (as !== '' && as !== driver.host) throw new EngineError('PERMANENT', driver.host, otherHost(as));
    await driver.ensureNetwork();
    return driver;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.kind === 'UNKNOWN_OUTCOME') throw error.withKind('UNREACHABLE');
    // A volume or a network of our name that is somebody else's stays there until a person removes it.
    if (error.kind === 'CONFLICT') throw error.withKind('PERMANENT');
    throw error;
  }
}

const NOT_CONFIGURED =
  'the hosts file of this worker has no entry of that name; put it back, with gone: true where the host is gone for good';

/** For people: what it means that the claim of an engine names another host. */
export const otherHost = (as: string): string =>
  `this engine is host ${as} already: its volume longshore-owner says so; leave one of the two entries of the hosts file, by that name; ` +
  'if nothing of Longshore is left on it, it is free for another name after, on that host: docker volume rm longshore-owner';

const refusal = (owner: string, host: string): string =>
  `the engine belongs to another control plane, ${owner}: its volume longshore-owner says so; ` +
  `only if that control plane is gone for good: longshore hosts adopt ${host}`;
