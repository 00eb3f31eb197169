import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import {
  DEFAULT_PORTS,
  type FieldPath,
  type HostEntry,
  type HostFields,
  parseHostEntries,
} from './config/host-entries.js';
import { isPrivate, type Resolve } from './config/loopback.js';
import { type Findings, readCertificates, readKey, readText } from './config/pem-files.js';
import type { PortRange } from './domain/host.js';
import type { HostConfig } from './fleet/host-config.js';

const DEFAULT_SOCKET = 'unix:///var/run/docker.sock';
const MIB = 1024 * 1024;

const SSH_REFUSAL = 'ssh:// is not there yet; use tcp:// with tls, or unix:// on the same machine';

/** What reading the hosts needs of the outside. */
export interface HostsDeps {
  /** Milliseconds since 1970, to judge certificates by. */
  readonly now: number;
  readonly resolve: Resolve;
  readonly findings: Findings;
}

/** Where in the file we are: faults name the variable and the path, `hosts[1].tls.ca`. */
interface Place extends HostsDeps {
  readonly variable: string;
  readonly path: string;
  /** Relative paths in the file start here. */
  readonly dir: string;
}

/** The hosts of a YAML file. Every fault of it goes to `findings`, under `variable` and the path of the field. */
export async function readHostsFile(path: string, variable: string, deps: HostsDeps): Promise<readonly HostConfig[]> {
  const text = await readText({ where: variable, path }, deps.findings);
  if (text === null) return [];
  const place = { ...deps, variable, path: '', dir: dirname(resolve(path)) };
  const entries = parseHostEntries(text, (field, message) => {
    if (field.length > 0) fault(at(place, pathText(field)), message);
    else fault(place, `${path} ${message}`);
  });
  const hosts = await Promise.all(
    entries.map(async (entry, i) => entry && (await readHost(entry, at(place, `hosts[${i}]`)))),
  );
  checkTogether(entries, hosts, place);
  return hosts.flatMap((host) => host?.config ?? []);
}

/** The one host where there is no hosts file: the engine at DOCKER_HOST, which must be of this machine, or at the usual socket. */
export async function localHost(dockerHost: string | undefined, deps: HostsDeps): Promise<readonly HostConfig[]> {
  const place = { ...deps, variable: 'DOCKER_HOST', path: '', dir: '/' };
  const endpoint = dockerHost ?? DEFAULT_SOCKET;
  const local = await isLocal(endpoint, place);
  if (!local) {
    if (local === false)
      fault(
        place,
        `${endpoint} is not an engine of this machine; name the hosts in a file and set LONGSHORE_HOSTS_FILE`,
      );
    return [];
  }
  const ports = parsePorts(DEFAULT_PORTS, place) ?? { first: 0, last: 0 };
  return [{ name: 'local', endpoint, address: '127.0.0.1', tls: null, labels: {}, gpus: 'auto', ports }];
}

/** An entry as far as it went. */
interface HostRead {
  /** Null where the entry has faults. */
  readonly config: HostConfig | null;
  readonly gpus: HostConfig['gpus'] | null;
}

/** What is wrong already is not judged again, and nothing that hangs on it. */
async function readHost({ fields, wrong }: HostEntry, place: Place): Promise<HostRead> {
  const local = wrong.has('endpoint') ? null : await isLocal(fields.endpoint, at(place, 'endpoint'));
  const address = wrong.has('address') ? null : addressOf(fields, local, at(place, 'address'));
  const tls = wrong.has('tls') ? undefined : await tlsOf(fields, local, at(place, 'tls'));
  const gpus = wrong.has('gpus') ? null : gpusOf(fields, local, at(place, 'gpus'));
  const ports = wrong.has('ports') ? null : parsePorts(fields.ports, at(place, 'ports'));
  if (wrong.size > 0 || local === null || address === null || tls === undefined || gpus === null || ports === null)
    return { config: null, gpus };
  const { name, endpoint, labels, gone } = fields;
  return { config: { name, endpoint, address, tls, labels, gpus, ports, ...(gone && { gone }) }, gpus };
}

/** Whether the engine is of this machine, so that what is on this machine is its: null, with a fault, where it is no endpoint at all. */
async function isLocal(endpoint: string, place: Place): Promise<boolean | null> {
  if (/^unix:\/\/\/./.test(endpoint)) return true;
  if (endpoint.startsWith('ssh://')) return fault(place, SSH_REFUSAL);
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const bare = url !== null && ['', '/'].includes(url.pathname) && !url.username && !url.search && !url.hash;
  if (!url || url.protocol !== 'tcp:' || !bare || !url.hostname || !url.port)
    return fault(place, `"${endpoint}" is not unix:///path or tcp://host:port`);
  try {
    return (await place.resolve(url.hostname.replace(/^\[|\]$/g, ''))).loopback;
  } catch {
    // A name that does not resolve now may do so later; it is of another machine in any case.
    place.findings.warn(place.variable, `${place.path}: ${url.hostname} does not resolve now`);
    return false;
  }
}

function addressOf(entry: HostFields, local: boolean | null, place: Place): string | null {
  const address = entry.address ?? (local ? '127.0.0.1' : undefined);
  if (address === undefined) {
    if (local === null) return null;
    return fault(place, 'is missing: the private IP address at which the host publishes ports');
  }
  if (!isIP(address))
    return fault(place, `"${address}" is not an IP address; engines bind published ports to addresses`);
  if (address === '0.0.0.0' || address === '::')
    return fault(place, `${address} would publish containers on every network; name the private address`);
  if (!isPrivate(address)) {
    const text = `${address} is a public address, at which anybody can call every container past the ingress; name a private one`;
    place.findings.warn(place.variable, `${place.path}: ${text}, or let a firewall see to it`);
  }
  return address;
}

/** Undefined, with a fault, where it is wrong. */
async function tlsOf(entry: HostFields, local: boolean | null, place: Place): Promise<HostConfig['tls'] | undefined> {
  const { tls, endpoint } = entry;
  if (!tls) {
    if (local !== false) return null;
    fault(place, 'is missing: without it anybody on the network owns that machine; name ca, cert and key');
    return undefined;
  }
  if (endpoint.startsWith('unix:')) {
    fault(place, 'is for tcp:// endpoints; remove it');
    return undefined;
  }
  const file = (field: 'ca' | 'cert' | 'key') => ({ where: place.variable, path: resolve(place.dir, tls[field]) });
  const findings = (field: 'ca' | 'cert' | 'key') => prefixed(at(place, field));
  const ca = await readCertificates(file('ca'), place.now, findings('ca'));
  const cert = await readCertificates(file('cert'), place.now, findings('cert'));
  const key = await readKey(file('key'), cert, findings('key'));
  return ca !== null && cert !== null && key !== null ? { ca, cert, key } : undefined;
}

function gpusOf(entry: HostFields, local: boolean | null, place: Place): HostConfig['gpus'] | null {
  if (entry.gpus === 'none') return [];
  if (entry.gpus !== 'auto')
    return entry.gpus.map(({ uuid, name, memory_mib }) => ({ uuid, name, memory: memory_mib * MIB }));
  if (local !== false) return 'auto';
  return fault(
    place,
    'auto asks nvidia-smi on this machine and works for its own engine only; list the GPUs, or write none',
  );
}

function parsePorts(text: string, place: Place): PortRange | null {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (range.first >= 1 && range.first <= range.last && range.last <= 65_535) return range;
  return fault(place, `"${text}" is not a range of ports; for example ${DEFAULT_PORTS}`);
}

/** Two names for one engine or one GPU would lease the same thing twice. */
function checkTogether(
  entries: readonly (HostEntry | null)[],
  hosts: readonly (HostRead | null)[],
  place: Place,
): void {
  for (const field of ['name', 'endpoint'] as const)
    unique(
      entries.map((entry) => (entry && !entry.wrong.has(field) ? entry.fields[field] : null)),
      (i) => at(place, `hosts[${i}].${field}`),
    );
  const autos = hosts.flatMap((host, i) => (host?.gpus === 'auto' ? [i] : []));
  for (const i of autos.slice(1))
    fault(
      at(place, `hosts[${i}].gpus`),
      `auto would give this host the GPUs of hosts[${autos[0]}] too; list them, or write none`,
    );
  const gpus = entries.flatMap((entry, i) =>
    !entry || entry.wrong.has('gpus') || typeof entry.fields.gpus === 'string'
      ? []
      : entry.fields.gpus.map(({ uuid }, j) => ({ uuid, path: `hosts[${i}].gpus[${j}].uuid` })),
  );
  unique(
    gpus.map(({ uuid }) => uuid),
    (i) => at(place, gpus[i]?.path ?? ''),
  );
}

/** Null is no value. */
function unique(values: readonly (string | null)[], placeOf: (index: number) => Place): void {
  for (const [index, value] of values.entries())
    if (value !== null && values.indexOf(value) < index) fault(placeOf(index), `${value} is there twice`);
}

const at = (place: Place, field: string): Place => ({ ...place, path: place.path ? `${place.path}.${field}` : field });

function fault(place: Place, message: string): null {
  place.findings.fault(place.variable, place.path ? `${place.path}: ${message}` : message);
  return null;
}

/** Findings that name the field of this place in front. */
function prefixed(place: Place): Findings {
  return {
    fault: (where, message) => place.findings.fault(where, `${place.path}: ${message}`),
    warn: (where, message) => place.findings.warn(where, `${place.path}: ${message}`),
  };
}

const pathText = (path: FieldPath): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text ? `${text}.${String(part)}` : String(part);
  }, '');
