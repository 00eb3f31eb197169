import type { MemoryHost } from '../../src/engine/memory-driver.js';
import { serveEngines } from '../load/memory-engines.js';
import { memoryHost } from '../load/memory-hosts.js';

/** Hosts in memory for all who ask on the socket of its one argument. */

const [path = ''] = process.argv.slice(2);
const hosts = new Map<string, MemoryHost>();
await serveEngines(path, (name, owner) => {
  const host = hosts.get(name) ?? memoryHost(name);
  hosts.set(name, host);
  return host.driver(owner);
});
process.stdout.write('{}\n');
process.on('SIGTERM', () => process.exit(0));
