import { Redis, type RedisOptions } from 'ioredis';
import { redisAddress, type SentinelAddress } from './address.js';
import { isRefusedSelect } from './redis-refusals.js';
import { within } from './within.js';

/** Longest time for which a connection may owe an answer before it counts as dead. */
const SILENCE_MS = 2_000;
const LONGEST_RECONNECT_DELAY_MS = 500;

const reconnectDelay = (attempt: number): number => Math.min(attempt * 50, LONGEST_RECONNECT_DELAY_MS);

/**
 * Clients fail at once while they are not connected (the store does its own short waiting), reconnect by themselves for ever, and never
 * send a command again on their own: only the store knows which of them may run twice.
 */
const OPTIONS: RedisOptions = {
  autoResendUnfulfilledCommands: false,
  // Nobody hears of its failure, which would end the process: subscribers subscribe by themselves, each time.
  autoResubscribe: false,
  enableOfflineQueue: false,
  // 0: what a lost connection owes an answer for fails with it, instead of waiting for the next one.
  maxRetriesPerRequest: 0,
  connectTimeout: SILENCE_MS,
  socketTimeout: SILENCE_MS,
  retryStrategy: reconnectDelay,
  // How often one that loads its data is asked whether it has.
  maxLoadingRetryTime: LONGEST_RECONNECT_DELAY_MS,
};

/** `url` is that of the configuration, or the path of a socket. Connects in the background. */
export function createRedisClient(url: string): Redis {
  const address = redisAddress(url);
  const client =
    address.kind === 'DIRECT'
      ? new Redis(address.url, OPTIONS)
      : new Redis({ ...OPTIONS, ...sentinelOptions(address) });
  // Every command reports its own failure; without a listener a lost connection would end the process.
  client.on('error', (error: Error) => {
    // It would go on in database 0 by itself, unseen.
    if (isRefusedSelect(error)) client.disconnect(true);
  });
  keepAlive(client);
  return client;
}

/**
 * A client whose connection is dropped while it is still being made (as Sentinels say at that moment that there is another primary) gives up for good. Nobody
 * asked it to.
 */
function keepAlive(client: Redis): void {
  const revive = () => {
    setTimeout(() => {
      // Whoever closes it takes this listener away.
      if (client.listeners('end').includes(revive)) client.connect().catch(() => undefined);
    }, LONGEST_RECONNECT_DELAY_MS);
  };
  client.on('end', revive);
}

/** Says goodbye if that is possible, and drops the connection otherwise. */
export async function closeClient(client: Redis): Promise<void> {
  client.removeAllListeners('end');
  if (client.status === 'ready') await within(client.quit(), performance.now() + 500).catch(() => undefined);
  client.disconnect();
}

/** Sentinels are asked for each connection, and listened to: when they have made another one the primary, the connection to the former is dropped. */
function sentinelOptions({ tls, sentinels, name, database, ...entry }: SentinelAddress): RedisOptions {
  return {
    sentinels: [...sentinels],
    name,
    db: database,
    ...(entry.user && { username: entry.user }),
    ...(entry.password && { password: entry.password }),
    ...(entry.sentinelPassword && { sentinelPassword: entry.sentinelPassword }),
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
    failoverDetector: true,
    sentinelCommandTimeout: SILENCE_MS,
    sentinelRetryStrategy: reconnectDelay,
    sentinelReconnectStrategy: reconnectDelay,
  };
}
