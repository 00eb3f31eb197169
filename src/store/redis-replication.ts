import type { Redis } from 'ioredis';
import type { ScriptName } from './script-runner.js';

/** What a failover may not take back once it was answered: accepted requests, and who may work on what with which devices. */
const CONFIRMED: ReadonlySet<ScriptName> = new Set([
  'create-container',
  'update-container',
  'set-access-bindings',
  'submit',
  'cancel',
  'revert',
  'take',
  'place',
  'move-devices',
]);

const LOOK_INTERVAL_MS = 5_000;
const CONFIRM_TIMEOUT_MS = 300;

export interface Replication {
  /** With replicas, resolves when one has what this connection wrote; rejects where none says so in time. */
  confirm(name: ScriptName): Promise<void>;
  close(): void;
}

/** Looks now and then whether the Redis behind `client` has replicas. */
export function createReplication(client: Redis): Replication {
  let replicas = 0;
  const look = async () => {
    const info = await client.info('replication');
    replicas = Number(/^connected_slaves:(\d+)/m.exec(info)?.[1] ?? 0);
  };
  // A look that fails leaves the last answer standing; the next one comes.
  const lookAgain = () => {
    if (client.status === 'ready') look().catch(() => undefined);
  };
  client.on('ready', lookAgain);
  const timer = setInterval(lookAgain, LOOK_INTERVAL_MS);
  timer.unref();

  return {
    confirm: async (name) => {
      if (replicas === 0 || !CONFIRMED.has(name)) return;
      if ((await client.wait(1, CONFIRM_TIMEOUT_MS)) > 0) return;
      // Its replicas may be gone: then the next attempt needs none.
      await look();
      throw new Error('no replica confirmed the write');
    },
    close: () => clearInterval(timer),
  };
}
