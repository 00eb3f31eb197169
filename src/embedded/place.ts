import { join } from 'node:path';

/** Linux has 108 bytes for the path of a socket, one of them the end mark. */
export const LONGEST_SOCKET_PATH = 107;

/** The private directory of the redis-server that belongs to a data directory. */
export const redisDir = (dataDir: string): string => join(dataDir, 'redis');

export const socketPath = (dataDir: string): string => join(redisDir(dataDir), 'redis.sock');
