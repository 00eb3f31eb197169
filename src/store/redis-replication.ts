import type { Redis } from 'ioredis';
import type { KnownPrimary } from './redis-connection.js';
import type { ScriptName } from './script-runner.js';

/**
 * What a failover may not take back once it was answered: accepted requests, how they ended, who may work on what with which devices, and where
 * instances are, since what is not served any more is stopped.
 */
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
  'rebuild',
  'assume',
  'publish-route',
  'begin-stop',
  'switch-revision',
  'complete-operation',
  'remove-container',
]);

const CONFIRM_TIMEOUT_MS = 300;

/** With replicas, resolves when one has what this connection wrote; rejects where none says so in time. */
export async function confirmed(client: Redis, { standing, look }: KnownPrimary, name: ScriptName): Promise<void> {
  if (standing.replicas === 0 || !CONFIRMED.has(name)) return;
  if ((await client.wait(1, CONFIRM_TIMEOUT_MS)) > 0) return;
  // They may be gone, and then there is nobody to wait for.
  if ((await look()).replicas > 0) throw new Error('no replica confirmed the write');
}
