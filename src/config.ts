import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  ingressUrl,
  type Listen,
  type PublicUrl,
  readListeners,
  type ServerTls,
  serverTls,
} from './config/listeners.js';
import { type Resolve, resolveHost } from './config/loopback.js';
import { nearest } from './config/nearest.js';
import { type Findings, readText } from './config/pem-files.js';
import { describeVariables, type LogLevel, type Role, type Variables, variables } from './config/variables.js';
import { LONGEST_SOCKET_PATH, redisDir, socketPath } from './embedded/place.js';
import type { HostConfig } from './fleet/host-config.js';
import { localHost, readHostsFile } from './hosts-file.js';
import { isSentinelUrl, parseSentinelUrl } from './store/address.js';

/** Everything that may be configured, validated, with every default filled in and every file read. Durations are milliseconds. */
export interface Config {
  /** Null: the private one in `dataDir`. May hold a password. */
  readonly redisUrl: string | null;
  /** How long a start waits for it. */
  readonly redisWaitMs: number;
  readonly keyspace: string;
  /** Absolute. */
  readonly dataDir: string;
  readonly roles: ReadonlySet<Role>;
  readonly logLevel: LogLevel;
  readonly grpc: Listen & { readonly tls: ServerTls | null };
  readonly http: Listen;
  readonly ingress: Listen & {
    readonly domain: string;
    /** How callers reach it where a proxy stands in front; null: http, `domain` and the port that is bound. */
    readonly publicUrl: PublicUrl | null;
  };
  readonly hosts: readonly HostConfig[];
  /** Docker's config file, or null: registries are asked without credentials. */
  readonly dockerConfigFile: string | null;
  readonly pidsLimit: number;
  readonly rollout: {
    readonly placeTimeoutMs: number;
    readonly healthDeadlineMs: number;
    readonly retryBudgetMs: number;
    readonly drainTimeoutMs: number;
    readonly keepDrainingMs: number;
    readonly watchWindowMs: number;
    readonly retainedInstances: number;
    readonly unreachableDeadlineMs: number;
    readonly moveFromLost: boolean;
  };
  /** Silent for so long a host is LOST. */
  readonly lostAfterMs: number;
  readonly orphanQuarantineMs: number;
  /** When images that we pulled are removed from a host. */
  readonly images: { readonly limitBytes: number; readonly unusedForMs: number };
  readonly pullStallMs: number;
  readonly operationRetentionMs: number;
  /** Kept per container, beside what is in use. */
  readonly obsoleteRevisions: number;
  readonly worker: {
    readonly width: number;
    readonly leaseTtlMs: number;
    /** How often in a row the work on a key may fail before it is given up. */
    readonly attempts: number;
    readonly observeIntervalMs: number;
  };
  readonly stopDeadlineMs: number;
}

/** `name` is the variable that the finding is about. */
export interface Finding {
  readonly name: string;
  readonly message: string;
}

/** All that is wrong, at once. No message repeats a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly faults: readonly Finding[]) {
    super(faults.map(({ name, message }) => `${name}: ${message}`).join('\n'));
  }
}

export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly Finding[];
}

/** What loading takes from the process; a test gives its own. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly home: string;
  readonly now: number;
  readonly resolve: Resolve;
}

/** The one reading of the environment. */
export function processSurroundings(): Surroundings {
  return { env: process.env, uid: process.getuid?.() ?? -1, home: homedir(), now: Date.now(), resolve: resolveHost };
}

/** Reads the environment and the files that it names; changes nothing. Rejects with ConfigError. */
export async function loadConfig(around: Surroundings = processSurroundings()): Promise<LoadedConfig> {
  const faults: Finding[] = [];
  const warnings: Finding[] = [];
  const findings: Findings = {
    fault: (name, message) => void faults.push({ name, message }),
    warn: (name, message) => void warnings.push({ name, message }),
  };
  refuseUnknown(around.env, findings);
  const { values, wrong } = parseVariables(around.env, findings);
  const config = await build(values, wrong, around, findings);
  if (!config || faults.length > 0) throw new ConfigError(faults);
  return { config, warnings };
}

/** What the project's own scripts and tests say to each other reaches every process that they start. */
const OWN_SCRIPTS = /^LONGSHORE_(RUN$|TEST_)/;

/** A variable of ours that does not exist is a typing error whose real one would silently keep its default. */
function refuseUnknown(env: Surroundings['env'], findings: Findings): void {
  const names = describeVariables().map(({ name }) => name);
  for (const name of Object.keys(env)) {
    if (!name.startsWith('LONGSHORE_') || OWN_SCRIPTS.test(name) || names.includes(name)) continue;
    const meant = nearest(name, names);
    findings.fault(
      name,
      meant ? `there is no such variable; ${meant} is the nearest one` : 'there is no such variable',
    );
  }
}

/** A variable that does not parse has its default in `values`, so that what is wrong with the others is found as well. */
function parseVariables(env: Surroundings['env'], findings: Findings) {
  const given = Object.entries(env).flatMap(([name, text]) => (text?.trim() ? [[name, text.trim()] as const] : []));
  const parsed = variables.safeParse(Object.fromEntries(given));
  if (parsed.success) return { values: parsed.data, wrong: new Set<string>() };
  for (const issue of parsed.error.issues) findings.fault(String(issue.path[0]), issue.message);
  const wrong = new Set(parsed.error.issues.map(({ path }) => String(path[0])));
  return { values: variables.parse(Object.fromEntries(given.filter(([name]) => !wrong.has(name)))), wrong };
}

/** Null, with faults, where there is none. What hangs on a variable that is `wrong` is not judged. */
async function build(
  values: Variables,
  wrong: ReadonlySet<string>,
  around: Surroundings,
  findings: Findings,
): Promise<Config | null> {
  const dataDir = resolve(values.LONGSHORE_DATA_DIR ?? defaultDataDir(around));
  const tls = await serverTls(values, around.now, findings);
  const listeners = await readListeners(values, wrong, around.resolve, findings);
  if (!wrong.has('REDIS_URL') && !wrong.has('LONGSHORE_ROLES')) checkRedis(values, dataDir, findings);
  const publicUrl = wrong.has('LONGSHORE_INGRESS_DOMAIN') ? null : ingressUrl(values, findings);
  const hosts = await readHosts(values, around, findings);
  const dockerConfigFile = await dockerConfig(values, around, findings);
  if (!listeners) return null;
  const { grpc, http, ingress } = listeners;
  return {
    redisUrl: values.REDIS_URL ?? null,
    redisWaitMs: values.LONGSHORE_REDIS_WAIT,
    keyspace: values.LONGSHORE_KEYSPACE,
    dataDir,
    roles: values.LONGSHORE_ROLES,
    logLevel: values.LONGSHORE_LOG_LEVEL,
    grpc: { ...grpc, tls },
    http,
    ingress: { ...ingress, domain: values.LONGSHORE_INGRESS_DOMAIN, publicUrl },
    hosts,
    dockerConfigFile,
    pidsLimit: values.LONGSHORE_PIDS_LIMIT,
    ...limits(values),
  };
}

type Limits =
  | 'lostAfterMs'
  | 'orphanQuarantineMs'
  | 'images'
  | 'rollout'
  | 'pullStallMs'
  | 'operationRetentionMs'
  | 'obsoleteRevisions'
  | 'worker'
  | 'stopDeadlineMs';

function limits(values: Variables): Pick<Config, Limits> {
  return {
    rollout: {
      placeTimeoutMs: values.LONGSHORE_PLACE_TIMEOUT,
      healthDeadlineMs: values.LONGSHORE_HEALTH_DEADLINE,
      retryBudgetMs: values.LONGSHORE_RETRY_BUDGET,
      drainTimeoutMs: values.LONGSHORE_DRAIN_TIMEOUT,
      keepDrainingMs: values.LONGSHORE_KEEP_DRAINING,
      watchWindowMs: values.LONGSHORE_WATCH_WINDOW,
      retainedInstances: values.LONGSHORE_RETAINED_INSTANCES,
      unreachableDeadlineMs: values.LONGSHORE_UNREACHABLE_DEADLINE,
      moveFromLost: values.LONGSHORE_LOST_HOST_POLICY === 'move',
    },
    lostAfterMs: values.LONGSHORE_LOST_AFTER,
    orphanQuarantineMs: values.LONGSHORE_ORPHAN_QUARANTINE,
    images: { limitBytes: values.LONGSHORE_IMAGE_LIMIT, unusedForMs: values.LONGSHORE_IMAGE_UNUSED },
    pullStallMs: values.LONGSHORE_PULL_STALL,
    operationRetentionMs: values.LONGSHORE_OPERATION_RETENTION,
    obsoleteRevisions: values.LONGSHORE_OBSOLETE_REVISIONS,
    worker: {
      width: values.LONGSHORE_WORKER_WIDTH,
      leaseTtlMs: values.LONGSHORE_LEASE_TTL,
      attempts: values.LONGSHORE_WORK_ATTEMPTS,
      observeIntervalMs: values.LONGSHORE_OBSERVE_INTERVAL,
    },
    stopDeadlineMs: values.LONGSHORE_STOP_DEADLINE,
  };
}

function defaultDataDir({ env, uid, home }: Surroundings): string {
  return uid === 0 ? '/var/lib/longshore' : join(env.XDG_DATA_HOME || join(home, '.local', 'share'), 'longshore');
}

function checkRedis(values: Variables, dataDir: string, findings: Findings): void {
  if (values.REDIS_URL) return warnOfPlaintext(values.REDIS_URL, findings);
  const absent = (['api', 'worker'] as const).filter((role) => !values.LONGSHORE_ROLES.has(role));
  if (absent.length > 0)
    findings.fault(
      'REDIS_URL',
      `must be set where ${absent.join(' and ')} run in another process: they share one Redis`,
    );
  const excess = Buffer.byteLength(socketPath(dataDir)) - LONGEST_SOCKET_PATH;
  if (excess > 0)
    findings.fault(
      'LONGSHORE_DATA_DIR',
      `${dataDir} is ${excess} bytes too long for the socket in it; choose a shorter path`,
    );
}

function warnOfPlaintext(redisUrl: string, findings: Findings): void {
  const far = hostsInPlaintext(redisUrl).find((host) => !/^(localhost|127\..*|\[?::1\]?|)$/.test(host));
  if (far !== undefined)
    findings.warn(
      'REDIS_URL',
      `${far} is reached without TLS, environment variables of containers included; use rediss${redisUrl.slice('redis'.length, redisUrl.indexOf(':'))}://`,
    );
}

function hostsInPlaintext(redisUrl: string): readonly string[] {
  const address = parseSentinelUrl(redisUrl);
  if (address) return address.tls ? [] : address.sentinels.map(({ host }) => host);
  return redisUrl.startsWith('redis:') ? [new URL(redisUrl).hostname] : [];
}

function readHosts(values: Variables, around: Surroundings, findings: Findings): Promise<readonly HostConfig[]> {
  const deps = { now: around.now, resolve: around.resolve, findings };
  const file = values.LONGSHORE_HOSTS_FILE;
  return file ? readHostsFile(file, 'LONGSHORE_HOSTS_FILE', deps) : localHost(values.DOCKER_HOST, deps);
}

/** Only that the file can be read is checked here: Docker's tools change it while we run. */
async function dockerConfig(values: Variables, around: Surroundings, findings: Findings): Promise<string | null> {
  const set = values.LONGSHORE_DOCKER_CONFIG;
  if (set) await readText({ where: 'LONGSHORE_DOCKER_CONFIG', path: set }, findings);
  return set ? resolve(set) : join(around.env.DOCKER_CONFIG || join(around.home, '.docker'), 'config.json');
}

/** The configuration as it counts, for people: no password, no PEM text. */
export function shownConfig(config: Config): object {
  const { redisUrl, grpc, hosts, roles, ...rest } = config;
  return {
    redis: redisUrl === null ? `a private one in ${redisDir(config.dataDir)}` : maskedUrl(redisUrl),
    roles: [...roles],
    grpc: { ...grpc, tls: grpc.tls && { clientCertificates: grpc.tls.clientCa !== null } },
    hosts: hosts.map((host) => ({ ...host, tls: host.tls !== null })),
    ...rest,
  };
}

/** Passwords stand before the host and, in Redis URLs, in the query too. */
function maskedUrl(text: string): string {
  if (isSentinelUrl(text)) return text.replace(/:[^:@/]*@/, ':***@').replace(/\?.*$/, '');
  const url = new URL(text.startsWith('/') ? `unix://${text}` : text);
  if (url.password) url.password = '***';
  url.search = '';
  return url.href;
}
