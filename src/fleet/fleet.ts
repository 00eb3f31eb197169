import type { Gpu, HostRecord } from '../domain/host.js';
import { type EngineDriver, EngineError } from '../engine/driver.js';
import type { HostConfig } from './host-config.js';

export interface FleetDeps {
  readonly hosts: readonly HostConfig[];
  readonly controlPlaneId: string;
  /** One driver per host; kept for the life of the process. */
  readonly driver: (host: HostConfig) => EngineDriver;
  /** The GPUs of the machine that we run on. */
  readonly localGpus: () => Promise<readonly Gpu[]>;
}

/** An engine that this process may use: reached, claimed for this control plane, and with its network in place. */
export interface Fleet {
  readonly names: readonly string[];
  /** Null: no host of that name is configured here. */
  config(name: string): HostConfig | null;
  /** The driver, without any check: for looking. */
  driver(name: string): EngineDriver | null;
  /**
   * The driver once the host has passed its preflight. Fails with EngineError: UNREACHABLE, or PERMANENT where the engine belongs to
   * another control plane. A pass is remembered until `forget`; a failure is not.
   */
  ready(name: string): Promise<EngineDriver>;
  /** The next use checks the host again: to be called when it did not answer. */
  forget(name: string): void;
  /** What the host is now, as a record. Never fails for a fault of the host: that is what the record then says. */
  inspect(name: string, now: number, signal?: AbortSignal): Promise<HostRecord>;
}

export function createFleet(deps: FleetDeps): Fleet {
  const hosts = new Map(deps.hosts.map((config) => [config.name, { config, driver: deps.driver(config) }]));
  const passed = new Map<string, Promise<EngineDriver>>();

  const preflight = async (driver: EngineDriver): Promise<EngineDriver> => {
    const { owner } = await driver.claim();
    if (owner !== deps.controlPlaneId) throw new EngineError('PERMANENT', driver.host, refusal(driver.host, owner));
    await driver.ensureNetwork();
    return driver;
  };

  const ready = (name: string): Promise<EngineDriver> => {
    const host = hosts.get(name);
    if (!host) {
      return Promise.reject(
        new EngineError('UNREACHABLE', name, `host ${name} is not in the configuration of this worker`),
      );
    }
    let pass = passed.get(name);
    if (!pass) {
      pass = preflight(host.driver);
      passed.set(name, pass);
      pass.catch(() => passed.delete(name));
    }
    return pass;
  };

  const gpusOf = (config: HostConfig): Promise<readonly Gpu[]> =>
    config.gpus === 'auto' ? deps.localGpus() : Promise.resolve(config.gpus);

  return {
    names: [...hosts.keys()],
    config: (name) => hosts.get(name)?.config ?? null,
    driver: (name) => hosts.get(name)?.driver ?? null,
    ready,
    forget: (name) => void passed.delete(name),
    async inspect(name, now, signal) {
      const host = hosts.get(name);
      if (!host) throw new RangeError(`host ${name} is not configured`);
      const record = recordOf(host.config, now);
      try {
        const driver = await ready(name);
        const [info, gpus] = await Promise.all([driver.info(signal), gpusOf(host.config)]);
        const foreignGpus = await driver.foreignGpus(
          gpus.map((gpu) => gpu.uuid),
          signal,
        );
        const { memory, cores, version: engineVersion } = info;
        return { ...record, state: 'UP', gpus, foreignGpus, memory, cores, engineVersion };
      } catch (error) {
        passed.delete(name);
        if (!(error instanceof EngineError)) throw error;
        return { ...record, state: error.kind === 'PERMANENT' ? 'REFUSED' : 'UNREACHABLE', message: error.message };
      }
    },
  };
}

const refusal = (host: string, owner: string): string =>
  `the engine of host ${host} belongs to another control plane (${owner}): its volume longshore-owner says so; ` +
  'remove that volume if that control plane is gone for good';

function recordOf(config: HostConfig, now: number): HostRecord {
  const { name, address, labels, ports } = config;
  const unknown = { gpus: [], foreignGpus: [], memory: 0, cores: 0, engineVersion: '', message: '' };
  return { name, address, labels, ports, ...unknown, state: 'UNKNOWN', observedAt: now };
}
