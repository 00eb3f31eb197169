import { startEmbeddedRedis } from '../../src/embedded/redis.js';
import { createLogger } from '../../src/log.js';

// A process of its own, to be killed by a test: holds a data directory and prints the pid of its redis-server.
async function main(dataDir: string): Promise<void> {
  const redis = await startEmbeddedRedis({ dataDir, log: createLogger({ level: 'fatal' }) });
  process.stdout.write(`${redis.pid}\n`);
  process.once('SIGTERM', () => void redis.stop());
}

main(process.argv[2] ?? '').catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
