import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../../../src/paths.js';
import { command } from '../command.js';
import { type PrivateEngine, startPrivateEngine } from '../private-engine.js';
import { newDirectory } from '../run-directory.js';

/**
 * A Docker host of its own on this machine: a real engine in its own network namespace, with its own address, firewall,
 * TLS, data and stand-in GPUs. `stop`, `cont`, `kill`, `crash` and `start` are those of its engine.
 */
export interface Host extends PrivateEngine {
  readonly name: string;
  /** Its network namespace. */
  readonly netns: string;
  /** Where its published ports answer. */
  readonly address: string;
  /** This machine's address as the host sees it: where a registry for it must listen. */
  readonly gateway: string;
  /** tcp://address:2376 with TLS, for a hosts file. `socketPath` is the way around the network. */
  readonly tcpEndpoint: string;
  /** Paths of PEM files. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** The same, read: for dockerode. */
  readonly pem: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  /** Partition: nothing comes through in either direction, ports of its containers included. */
  cut(): Promise<void>;
  heal(): Promise<void>;
}

export interface HostsOptions {
  readonly count: number;
  /** Stand-in GPUs of each host. Default 2. */
  readonly gpus?: number;
  /** Containers survive the death of their engine. Default false, as Docker's. */
  readonly liveRestore?: boolean;
}

export interface Hosts extends ReadonlyArray<Host> {
  /** Ends and deletes them all. */
  stopAll(): Promise<void>;
}

const script = (name: string) => treePath('test', 'support', 'hosts', name);

/** Starts `count` hosts named host-1, host-2 ... Needs root, and the commands that scripts/test.sh installs. */
export async function startHosts(options: HostsOptions): Promise<Hosts> {
  const dir = newDirectory('hosts');
  const started = await Promise.allSettled(
    Array.from({ length: options.count }, (_, index) => startHost(join(dir, `h${index + 1}`), index + 1, options)),
  );
  const hosts = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const stopAll = async () => {
    await Promise.all(hosts.map((host) => host.remove()));
    await command(treePath('scripts', 'setup', 'sweep.sh'), [dir]);
  };
  const failed = started.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await stopAll();
    throw failed.reason;
  }
  return Object.assign(hosts, { stopAll });
}

async function startHost(dir: string, number: number, options: HostsOptions): Promise<Host> {
  const seed = createHash('sha256').update(dir).digest('hex').slice(0, 8);
  const netns = `ls-${seed}`;
  // Before anything exists: whoever clears this directory must know the namespace.
  await command('sh', ['-c', 'mkdir -p "$0" && : >"$0/longshore-engine" && echo "$1" >"$0/netns"', dir, netns]);
  const [address = '', gateway = ''] = (await command(script('network.sh'), [netns, seed])).split(' ');
  const certificates = `${dir}-tls`;
  await command(script('certificates.sh'), [certificates, address]);
  const pem = (name: string) => join(certificates, `${name}.pem`);
  const engine = await startPrivateEngine({
    dir,
    netns,
    ...(options.gpus === undefined ? {} : { gpus: options.gpus }),
    config: {
      hosts: [`tcp://${address}:2376`],
      tlsverify: true,
      tlscacert: pem('ca'),
      tlscert: pem(address),
      tlskey: pem(`${address}-key`),
      'insecure-registries': [`${gateway}/32`],
      'live-restore': options.liveRestore ?? false,
    },
  });
  const tls = { ca: pem('ca'), cert: pem('client'), key: pem('client-key') };
  const inside = (...args: string[]) => command('ip', ['-n', netns, ...args]);
  return {
    ...engine,
    name: `host-${number}`,
    netns,
    address,
    gateway,
    tcpEndpoint: `tcp://${address}:2376`,
    tls,
    pem: { ca: readFileSync(tls.ca), cert: readFileSync(tls.cert), key: readFileSync(tls.key) },
    cut: async () => void (await inside('link', 'set', 'eth0', 'down')),
    heal: async () => {
      await inside('link', 'set', 'eth0', 'up');
      await inside('route', 'replace', 'default', 'via', gateway); // it went with the link
    },
  };
}
