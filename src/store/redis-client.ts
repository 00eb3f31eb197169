import { Redis, type RedisOptions } from 'ioredis';

/** Longest time for which a connection may owe an answer before it counts as dead. */
const SILENCE_MS = 2_000;
const LONGEST_RECONNECT_DELAY_MS = 500;

/**
 * Clients fail at once while they are not connected (the store does its own short waiting), reconnect by themselves for ever, and never
 * send a command again on their own: only the store knows which of them may run twice.
 */
const OPTIONS: RedisOptions = {
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  // 0: what a lost connection owes an answer for fails with it, instead of waiting for the next one.
  maxRetriesPerRequest: 0,
  connectTimeout: SILENCE_MS,
  socketTimeout: SILENCE_MS,
  retryStrategy: (attempt) => Math.min(attempt * 50, LONGEST_RECONNECT_DELAY_MS),
  // After a failover the former primary answers READONLY: its name leads elsewhere by now.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
};

/** `url` is redis://, rediss://, unix:// or the path of a socket. Connects in the background. */
export function createRedisClient(url: string): Redis {
  const client = new Redis(url.replace(/^unix:(\/\/)?/, ''), OPTIONS);
  // Every command reports its own failure; without a listener a lost connection would end the process.
  client.on('error', (error: Error) => {
    // It would go on in database 0 by itself, unseen.
    if (isRefusedSelect(error)) client.disconnect(true);
  });
  return client;
}

/** Whether Redis refused the database of the URL: there is none of that number, or the user may not choose one. */
export function isRefusedSelect(error: Error): boolean {
  const command: unknown = 'command' in error ? error.command : null;
  return typeof command === 'object' && command !== null && 'name' in command && command.name === 'select';
}
