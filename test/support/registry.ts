import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemon } from './daemon.js';
import { http } from './http.js';
import { freePort } from './ports.js';
import { newDirectory } from './run-directory.js';
import { until } from './until.js';

/** A real registry with plain HTTP and one user; engines take that from a loopback address, and hosts from their gateway. */
export interface Registry {
  /** host:port, the first part of the name of its images. */
  readonly name: string;
  readonly username: string;
  readonly password: string;
  /** A directory for DOCKER_CONFIG whose config.json has the credentials. */
  readonly dockerConfigDir: string;
  /** All images of a repository (`team/app`) are gone from then on. */
  forget(repository: string): Promise<void>;
  stop(): Promise<void>;
}

const username = 'longshore';
const password = 'longshore-test';
const htpasswd = `${username}:$2y$05$longshoreregistrysaltut4AWw/lplMC99piBPtnwsub5ArM0swW\n`;

/** `address`: where it listens; the gateway of a host makes it reachable from there. */
export async function startRegistry(address = '127.0.0.1'): Promise<Registry> {
  const dir = newDirectory('registry');
  const name = `${address}:${await freePort(address)}`;
  const dockerConfigDir = join(dir, 'docker');
  await mkdir(dockerConfigDir);
  await writeFile(join(dir, 'htpasswd'), htpasswd);
  await writeFile(join(dir, 'config.json'), JSON.stringify(configuration(dir, name))); // JSON is YAML
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  await writeFile(join(dockerConfigDir, 'config.json'), JSON.stringify({ auths: { [name]: { auth } } }));

  const daemon = startDaemon('docker-registry', ['serve', join(dir, 'config.json')]);
  await until('the registry answers', async () => {
    if (!daemon.running()) throw new Error(daemon.output());
    const response = await http(`http://${name}/v2/`, { headers: { authorization: `Basic ${auth}` } });
    return response.status === 200;
  });
  return {
    name,
    username,
    password,
    dockerConfigDir,
    forget: (repository) =>
      rm(join(dir, 'data', 'docker', 'registry', 'v2', 'repositories', repository), { recursive: true }),
    stop: async () => {
      await daemon.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function configuration(dir: string, addr: string): object {
  return {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(dir, 'data') } },
    http: { addr, secret: 'of no importance: there is one process' },
    auth: { htpasswd: { realm: 'longshore', path: join(dir, 'htpasswd') } },
  };
}
