import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { z } from 'zod';
import type { PrivateEngine } from '../../test/support/private-engine.js';

/** What a rollout of Swarm is told: one task, the new one first, watched for a second. Times of its API are in nanoseconds. */
const MONITOR_MS = 1_000;
const ORDER = { Parallelism: 1, Order: 'start-first', Monitor: MONITOR_MS * 1e6 } as const;
/** What nobody else on this machine listens on. */
const PORTS = { management: 23_779, data: 23_780 };
const LOOK_MS = 10;

/** A service of one replica on an engine that is a swarm of its own. */
export interface SwarmService {
  /** Until Swarm says that the update has completed. */
  update(settings: readonly string[]): Promise<void>;
  rollback(): Promise<void>;
  remove(): Promise<void>;
}

export interface Swarm {
  /** Resolves when its task has run for as long as Docker's client watches one before it calls a service converged: the monitor. */
  createService(name: string): Promise<SwarmService>;
  leave(): Promise<void>;
}

export interface SwarmTask {
  /** By id, which keeps Swarm from asking a registry for it. */
  readonly imageId: string;
  readonly command: readonly string[];
}

export async function startSwarm(engine: PrivateEngine, task: SwarmTask): Promise<Swarm> {
  const listen = ['--listen-addr', `127.0.0.1:${PORTS.management}`, '--data-path-port', String(PORTS.data)];
  await engine.docker('swarm', 'init', '--advertise-addr', '127.0.0.1', ...listen);
  const docker = new Docker({ socketPath: engine.socketPath });
  return {
    createService: async (name) => {
      const { id } = created.parse(await docker.createService(specOf(name, task, [])));
      await running(docker, id);
      await delay(MONITOR_MS);
      await running(docker, id);
      return serviceOf(docker, id, (settings) => specOf(name, task, settings));
    },
    leave: async () => void (await engine.docker('swarm', 'leave', '--force')),
  };
}

function serviceOf(
  docker: Docker,
  id: string,
  specWith: (settings: readonly string[]) => ReturnType<typeof specOf>,
): SwarmService {
  const service = docker.getService(id);
  const change = async (options: object, state: string) => {
    const before = inspected.parse(await service.inspect());
    await service.update({ version: before.Version.Index, ...options });
    for (;;) {
      const now = inspected.parse(await service.inspect());
      if (now.UpdateStatus?.State === state && now.UpdateStatus.StartedAt !== before.UpdateStatus?.StartedAt) return;
      if (now.UpdateStatus?.State?.includes('paused')) throw new Error(`Swarm gave up: ${now.UpdateStatus.Message}`);
      await delay(LOOK_MS);
    }
  };
  let settings: readonly string[] = [];
  return {
    update: (next) => {
      settings = next;
      return change(specWith(settings), 'completed');
    },
    rollback: () => change({ ...specWith(settings), rollback: 'previous' }, 'rollback_completed'),
    remove: async () => {
      await service.remove();
      const filters = { label: [`com.docker.swarm.service.id=${id}`] };
      while ((await docker.listContainers({ all: true, filters })).length > 0) await delay(LOOK_MS);
    },
  };
}

async function running(docker: Docker, serviceId: string): Promise<void> {
  for (;;) {
    const all = tasks.parse(await docker.listTasks({ filters: { service: [serviceId] } }));
    if (all.some(({ Status }) => Status.State === 'running')) return;
    const failed = all.find(({ Status }) => Status.Err !== undefined);
    if (failed !== undefined) throw new Error(`Swarm could not start its task: ${failed.Status.Err}`);
    await delay(LOOK_MS);
  }
}

function specOf(name: string, { imageId, command }: SwarmTask, settings: readonly string[]) {
  return {
    Name: name,
    TaskTemplate: {
      ContainerSpec: { Image: imageId, Command: [...command], Env: [...settings], Init: true },
      RestartPolicy: { Condition: 'any' as const },
    },
    Mode: { Replicated: { Replicas: 1 } },
    UpdateConfig: ORDER,
    RollbackConfig: ORDER,
  };
}

const created = z.object({ id: z.string() }).or(z.object({ ID: z.string() }).transform(({ ID }) => ({ id: ID })));
const inspected = z.object({
  Version: z.object({ Index: z.number() }),
  UpdateStatus: z
    .object({ State: z.string().optional(), StartedAt: z.string().optional(), Message: z.string().optional() })
    .optional(),
});
const tasks = z.array(z.object({ Status: z.object({ State: z.string(), Err: z.string().optional() }) }));
