import type { Redis } from 'ioredis';
import { Refusal, refusalIn } from './redis-refusals.js';
import { askStanding, type Standing } from './redis-standing.js';
import { within } from './within.js';

/** How often a Redis is asked what it is: its replicas come and go, and it may be made a replica itself. */
const LOOK_INTERVAL_MS = 5_000;

export interface Primary {
  /** As of the last look on this connection; null: there is none, or nobody has looked yet. */
  standing(): Standing | null;
  /** Resolves once the client is connected to a primary; rejects at the deadline. */
  ready(deadline: number): Promise<Standing>;
  /** Asks anew. */
  look(): Promise<Standing>;
  /** Another one whenever there may be another Redis at the other end. */
  number(): number;
  /** To be called before the client is closed: from then on it is not waited for. */
  close(): void;
  closed(): boolean;
}

/**
 * Nothing is asked of a Redis before it has said that it is a primary: a replica would answer with what was so some time ago. One that says that it is
 * none, is left: by the time of the next connection its name may lead elsewhere.
 */
export function watchPrimary(client: Redis): Primary {
  let standing: Standing | null = null;
  /** Why the client is not let in, or finds no primary, while that is so. */
  let refusal: Refusal | null = null;
  let leaving = false;
  let connections = 0;
  let closed = false;
  const waiting = new Set<(found: Standing) => void>();

  const leave = (why: Refusal) => {
    refusal = why;
    standing = null;
    client.disconnect(true);
  };
  const look = async (): Promise<Standing> => {
    const number = connections;
    const found = await askStanding(client);
    if (number !== connections || client.status !== 'ready') return found;
    if (!found.primary) {
      leave(new Refusal('this Redis is a replica and takes no writes', 'name its primary', true));
      return found;
    }
    if (standing !== null && standing.replicationId !== found.replicationId) connections += 1;
    standing = found;
    refusal = null;
    for (const resolve of waiting) resolve(found);
    return found;
  };
  client.on('error', (error: Error) => {
    // Whatever else fails on a connection that was refused says less.
    if (leaving) return;
    refusal = refusalIn(error);
    leaving = refusal !== null;
  });
  client.on('close', () => {
    leaving = false;
    standing = null;
  });
  client.on('ready', () => {
    connections += 1;
    look().catch((error: unknown) => {
      refusal = refusalIn(error) ?? refusal;
      if (client.status === 'ready') client.disconnect(true);
    });
  });
  // A look that fails leaves the last answer standing; the next one comes.
  const timer = setInterval(() => {
    if (client.status === 'ready') look().catch(() => undefined);
  }, LOOK_INTERVAL_MS);
  timer.unref();

  const why = (): Error => {
    const state =
      client.status === 'connect' ? 'connected, but not ready: it may be loading its data' : 'not connected';
    return refusal ?? new Error(state);
  };
  return {
    standing: () => (client.status === 'ready' ? standing : null),
    ready: (deadline) => {
      if (closed) return Promise.reject(new Error('the connection was closed'));
      let resolve: (found: Standing) => void = () => undefined;
      const found = new Promise<Standing>((done) => {
        resolve = done;
        waiting.add(done);
      });
      return within(found, deadline, why).finally(() => waiting.delete(resolve));
    },
    look,
    number: () => connections,
    close: () => {
      closed = true;
      clearInterval(timer);
    },
    closed: () => closed,
  };
}
