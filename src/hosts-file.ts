import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import type { Resolve } from './config/loopback.js';
import { type Findings, readCertificates, readKey, readText } from './config/pem-files.js';
import type { PortRange } from './domain/host.js';
import type { HostConfig } from './fleet/host-config.js';

const DEFAULT_PORTS = '40000-65535';
const DEFAULT_SOCKET = 'unix:///var/run/docker.sock';
const MIB = 1024 * 1024;

const SSH_REFUSAL = 'ssh:// is not there yet; use tcp:// with tls, or unix:// on the same machine';

const gpuSchema = z.strictObject({
  uuid: z.string().regex(/^(GPU|MIG)-[0-9A-Za-z/-]+$/, 'is not a GPU UUID as `nvidia-smi -L` shows it: GPU-...'),
  name: z.string().min(1, 'must not be empty').max(128),
  memory_mib: z.int().positive(),
});

const hostSchema = z.strictObject({
  name: z
    .string()
    .max(63, 'is longer than 63 characters')
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower-case letters, digits and dashes'),
  endpoint: z.string(),
  address: z.string().optional(),
  tls: z.strictObject({ ca: z.string(), cert: z.string(), key: z.string() }).optional(),
  labels: z.record(z.string().min(1), z.string()).default({}),
  gpus: z
    .union([z.literal('auto'), z.literal('none'), z.array(gpuSchema)], {
      error: 'must be auto, none, or a list of {uuid, name, memory_mib}',
    })
    .default('auto'),
  ports: z.string().default(DEFAULT_PORTS),
});

const fileSchema = z.strictObject({ hosts: z.array(hostSchema).min(1, 'must name at least one host') });

type HostEntry = z.output<typeof hostSchema>;

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
  const entries = parseHosts(text, path, place);
  const hosts = await Promise.all(entries.map((entry, i) => readHost(entry, at(place, `hosts[${i}]`))));
  checkTogether(entries, hosts, place);
  return hosts.filter((host) => host !== null);
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

function parseHosts(text: string, path: string, place: Place): readonly HostEntry[] {
  const document = parseDocument(text, { uniqueKeys: true });
  for (const error of document.errors) fault(place, `${path} is not good YAML: ${error.message.split('\n')[0]}`);
  if (document.errors.length > 0) return [];
  const parsed = fileSchema.safeParse(document.toJS());
  if (parsed.success) return parsed.data.hosts;
  for (const issue of parsed.error.issues) fault(at(place, pathText(issue.path)), issue.message);
  return [];
}

/** Null where the entry has faults. */
async function readHost(entry: HostEntry, place: Place): Promise<HostConfig | null> {
  const local = await isLocal(entry.endpoint, at(place, 'endpoint'));
  const address = addressOf(entry, local, at(place, 'address'));
  const tls = await tlsOf(entry, local, at(place, 'tls'));
  const gpus = gpusOf(entry, local, at(place, 'gpus'));
  const ports = parsePorts(entry.ports, at(place, 'ports'));
  if (local === null || address === null || tls === undefined || gpus === null || ports === null) return null;
  return { name: entry.name, endpoint: entry.endpoint, address, tls, labels: entry.labels, gpus, ports };
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

function addressOf(entry: HostEntry, local: boolean | null, place: Place): string | null {
  const address = entry.address ?? (local ? '127.0.0.1' : undefined);
  if (address === undefined) {
    if (local === null) return null;
    return fault(place, 'is missing: the private IP address at which the host publishes ports');
  }
  if (!isIP(address))
    return fault(place, `"${address}" is not an IP address; engines bind published ports to addresses`);
  if (address === '0.0.0.0' || address === '::')
    return fault(place, `${address} would publish containers on every network; name the private address`);
  return address;
}

/** Undefined, with a fault, where it is wrong. */
async function tlsOf(entry: HostEntry, local: boolean | null, place: Place): Promise<HostConfig['tls'] | undefined> {
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

function gpusOf(entry: HostEntry, local: boolean | null, place: Place): HostConfig['gpus'] | null {
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
function checkTogether(entries: readonly HostEntry[], hosts: readonly (HostConfig | null)[], place: Place): void {
  unique(
    entries.map(({ name }) => name),
    (i) => at(place, `hosts[${i}].name`),
  );
  unique(
    entries.map(({ endpoint }) => endpoint),
    (i) => at(place, `hosts[${i}].endpoint`),
  );
  const autos = hosts.flatMap((host, i) => (host?.gpus === 'auto' ? [i] : []));
  for (const i of autos.slice(1))
    fault(
      at(place, `hosts[${i}].gpus`),
      `auto would give this host the GPUs of hosts[${autos[0]}] too; list them, or write none`,
    );
  const gpus = entries.flatMap((entry, i) =>
    typeof entry.gpus === 'string'
      ? []
      : entry.gpus.map(({ uuid }, j) => ({ uuid, path: `hosts[${i}].gpus[${j}].uuid` })),
  );
  unique(
    gpus.map(({ uuid }) => uuid),
    (i) => at(place, gpus[i]?.path ?? ''),
  );
}

function unique(values: readonly string[], placeOf: (index: number) => Place): void {
  for (const [index, value] of values.entries())
    if (values.indexOf(value) < index) fault(placeOf(index), `${value} is there twice`);
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

const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text ? `${text}.${String(part)}` : String(part);
  }, '');
