import type { Redis } from 'ioredis';
import { closeClient } from './redis-client.js';

/** One connection for all that a process listens to. Messages may be lost while it is away; `onReconnect` says when that may have happened. */
export interface RedisSubscriber {
  on(channel: string, listener: (message: string) => void): () => void;
  onReconnect(listener: () => void): () => void;
  close(): Promise<void>;
}

/** A connection on which nothing is ever said cannot be told from a dead one, so it is asked now and then. */
const PING_INTERVAL_MS = 2_000;

/** Subscribes to `channels` from the start: a listener that comes later misses nothing but what was before it. */
export function createRedisSubscriber(client: Redis, channels: readonly string[]): RedisSubscriber {
  const listeners = new Map<string, Set<(message: string) => void>>(channels.map((channel) => [channel, new Set()]));
  const reconnected = new Set<() => void>();

  client.on('ready', () => {
    client.subscribe(...channels).then(
      () => reconnected.forEach((listener) => listener()),
      // The connection broke again; the next `ready` subscribes.
      () => undefined,
    );
  });
  client.on('message', (channel: string, message: string) => {
    for (const listener of listeners.get(channel) ?? []) listener(message);
  });
  const pinger = setInterval(() => {
    if (client.status === 'ready') client.ping().catch(() => undefined);
  }, PING_INTERVAL_MS);
  pinger.unref();

  return {
    on: (channel, listener) => {
      const known = listeners.get(channel);
      if (known === undefined) throw new Error(`nobody subscribed to ${channel}`);
      known.add(listener);
      return () => known.delete(listener);
    },
    onReconnect: (listener) => {
      reconnected.add(listener);
      return () => reconnected.delete(listener);
    },
    close: () => {
      clearInterval(pinger);
      return closeClient(client);
    },
  };
}
