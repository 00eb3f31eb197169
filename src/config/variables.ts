import { z } from 'zod';
import {
  baseUrl,
  bytes,
  domainName,
  duration,
  hostPort,
  keyspace,
  oneOf,
  redisUrl,
  wholeNumber,
  wordsOf,
} from './values.js';

export const ROLES = ['api', 'worker', 'ingress'] as const;
export type Role = (typeof ROLES)[number];

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a person reads about a variable. */
export interface VariableDoc {
  /** The text that counts where the variable is not set; null: nothing, and `meaning` says what then holds. */
  readonly default: string | null;
  /** The form of its value. */
  readonly form: string;
  readonly meaning: string;
}

const documentation = z.registry<VariableDoc>();

type Parser<Value> = z.ZodType<Value, string>;

/** A variable with a default. */
function setting<Value>(parser: Parser<Value>, fallback: string, form: string, meaning: string) {
  return z.string().default(fallback).pipe(parser).register(documentation, { default: fallback, form, meaning });
}

/** A variable that may be left out. */
function optional<Value>(parser: Parser<Value>, form: string, meaning: string) {
  return z.optional(parser).register(documentation, { default: null, form, meaning });
}

const anyText = z.string();

/**
 * Every variable that Longshore reads, and the only place where one is named: parsing, defaults, docs/configuration.md and
 * the search for typing errors all come from here. An empty value counts as not set.
 */
export const variables = z.object({
  REDIS_URL: optional(
    redisUrl,
    'URL',
    'The Redis that holds everything: `redis://`, `rediss://` (TLS) or `unix://`. A path of `/3` (`?db=3` with `unix://`) is database 3; one that Redis does not have is refused. With Sentinel: `redis+sentinel://user:password@sentinel-1:26379,sentinel-2:26379/NAME/3`, NAME being what the Sentinels call the primary; `rediss+sentinel://` reaches both by TLS, `?sentinel-password=...` is for Sentinels that want one. Not set: a private redis-server in the data directory, started and supervised by this process.',
  ),
  LONGSHORE_REDIS_WAIT: setting(
    duration('0s', '1d'),
    '60s',
    'duration',
    'How long a process that starts waits for a Redis that does not answer, loads its data or is a replica, before it gives up and says why. One that refuses the credentials is not waited for.',
  ),
  LONGSHORE_KEYSPACE: setting(
    keyspace,
    'longshore',
    'name',
    'First part of every key and channel in Redis, in braces: control planes of different names may share one Redis. The same in every process.',
  ),
  LONGSHORE_DATA_DIR: optional(
    anyText,
    'directory',
    'Where the private Redis keeps its data. Not set: `/var/lib/longshore` for root, else `$XDG_DATA_HOME/longshore` or `~/.local/share/longshore`.',
  ),
  LONGSHORE_ROLES: setting(
    wordsOf(ROLES),
    'api,worker,ingress',
    'list',
    'What this process does: `api` answers gRPC, `worker` works on hosts, `ingress` forwards requests to containers. Split roles need REDIS_URL.',
  ),
  LONGSHORE_LOG_LEVEL: setting(
    oneOf(LOG_LEVELS),
    'info',
    LOG_LEVELS.join(', '),
    'The least severe lines that are logged.',
  ),

  LONGSHORE_GRPC_ADDR: setting(
    hostPort,
    '127.0.0.1:50051',
    'host:port',
    'Where gRPC listens. Beyond loopback it needs the three LONGSHORE_TLS_ variables.',
  ),
  LONGSHORE_TLS_CERT: optional(anyText, 'PEM file', "gRPC's certificate, with its chain. Not set: plaintext."),
  LONGSHORE_TLS_KEY: optional(anyText, 'PEM file', 'The private key of LONGSHORE_TLS_CERT, without a pass phrase.'),
  LONGSHORE_TLS_CLIENT_CA: optional(
    anyText,
    'PEM file',
    'Authorities whose certificates gRPC clients must show. Not set: clients show none, which is allowed on loopback only.',
  ),
  LONGSHORE_HTTP_ADDR: setting(
    hostPort,
    '127.0.0.1:8080',
    'host:port',
    'Where /healthz, /readyz and /metrics answer. Loopback only, since there is no TLS here yet.',
  ),
  LONGSHORE_INGRESS_ADDR: setting(
    hostPort,
    '127.0.0.1:8081',
    'host:port',
    'Where requests to containers arrive. Loopback only, since there is no TLS here yet: put a proxy with TLS on the same machine in front.',
  ),
  LONGSHORE_INGRESS_DOMAIN: setting(
    domainName,
    'containers.localhost',
    'domain',
    "A container's host name is its id in front of this domain. The same in every process.",
  ),
  LONGSHORE_INGRESS_URL: optional(
    baseUrl,
    'URL',
    'Scheme, domain and port by which callers reach the ingress, where a proxy stands in front of it: `https://containers.example.com`. The same in every process. Not set: http, LONGSHORE_INGRESS_DOMAIN and the port of LONGSHORE_INGRESS_ADDR.',
  ),

  LONGSHORE_HOSTS_FILE: optional(
    anyText,
    'YAML file',
    'The Docker hosts to use (see below). Not set: the local Docker Engine is the one host.',
  ),
  DOCKER_HOST: optional(
    anyText,
    'URL',
    'Read only without LONGSHORE_HOSTS_FILE: the local engine, `unix://` or `tcp://` on loopback. Not set: `unix:///var/run/docker.sock`.',
  ),
  LONGSHORE_DOCKER_CONFIG: optional(
    anyText,
    'JSON file',
    "Docker's own config file, read for the credentials of registries. Not set: `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, if it is there.",
  ),
  LONGSHORE_PIDS_LIMIT: setting(
    wholeNumber(16, 4_194_304),
    '4096',
    'number',
    'How many processes and threads one container may have.',
  ),

  LONGSHORE_PLACE_TIMEOUT: setting(
    duration('1s', '7d'),
    '5m',
    'duration',
    'How long a deploy waits for free capacity before it ends with RESOURCE_EXHAUSTED.',
  ),
  LONGSHORE_HEALTH_DEADLINE: setting(
    duration('1s', '1d'),
    '60s',
    'duration',
    'How long an instance has to become healthy, where its revision does not say.',
  ),
  LONGSHORE_RETRY_BUDGET: setting(
    duration('0s', '1h'),
    '30s',
    'duration',
    'How long the passing faults of one step (a pull, a start) are tried again.',
  ),
  LONGSHORE_PULL_STALL: setting(
    duration('1s', '1d'),
    '60s',
    'duration',
    'How long a pull may go without progress before it is given up; its retry budget may begin it again.',
  ),
  LONGSHORE_UNREACHABLE_DEADLINE: setting(
    duration('1s', '1d'),
    '2m',
    'duration',
    'How long an operation waits for a host that does not answer before it ends with UNAVAILABLE.',
  ),
  LONGSHORE_LOST_AFTER: setting(
    duration('1s', '7d'),
    '5m',
    'duration',
    'How long a host may be silent while a worker looks before it counts as LOST.',
  ),
  LONGSHORE_LOST_HOST_POLICY: setting(
    oneOf(['wait', 'move']),
    'wait',
    'wait, move',
    'What becomes of containers that serve on a LOST host: `wait` for it, or `move` to another one, with a new file system. What the host runs of them is stopped when it is back, before it is used again. With `move` a host that is cut off from the workers only may serve them for a while beside their successors.',
  ),
  LONGSHORE_ORPHAN_QUARANTINE: setting(
    duration('1s', '365d'),
    '24h',
    'duration',
    'How long a Docker container that is labelled as ours, and that Redis knows nothing of, is left running before it is stopped and removed. One that Redis may have lost is never removed.',
  ),
  LONGSHORE_IMAGE_LIMIT: setting(
    bytes,
    '200GiB',
    'size',
    'How much the images of a host may take, in `KiB`, `MiB`, `GiB` or `TiB`, before those go that Longshore pulled, can pull again, and that no container is made of; the longest unused first. Sizes are those of `docker images`, which count shared layers with each image.',
  ),
  LONGSHORE_IMAGE_UNUSED: setting(
    duration('1s', '365d'),
    '1h',
    'duration',
    'How long an image must have been out of use before it may go.',
  ),
  LONGSHORE_DRAIN_TIMEOUT: setting(
    duration('0s', '1d'),
    '30s',
    'duration',
    'How long requests may take to end, after a switch or a Stop, before the instance that has them is stopped.',
  ),
  LONGSHORE_KEEP_DRAINING: setting(
    duration('0s', '7d'),
    '0s',
    'duration',
    'How long the last instance that served stays up after a switch, once its requests have ended, so that a rollback to it is a mere switch. It takes its memory meanwhile; one with GPUs gives way to the next deploy and to any container that waits for room. Not for runtime process.',
  ),
  LONGSHORE_WATCH_WINDOW: setting(
    duration('0s', '1d'),
    '60s',
    'duration',
    'How long a deployed revision is watched after its switch. If its instance exits, is removed or is not healthy for longer than LONGSHORE_RETRY_BUDGET meanwhile, the container goes back to the last stable revision, once, by an operation of its own; if not, the revision is the stable one from then on. 0: nothing is watched.',
  ),
  LONGSHORE_RETAINED_INSTANCES: setting(
    wholeNumber(0, 100),
    '2',
    'number',
    'How many retired instances of a container are kept stopped, failed ones counted, so that a rollback is a start.',
  ),
  LONGSHORE_OBSOLETE_REVISIONS: setting(
    wholeNumber(1, 10_000),
    '50',
    'number',
    'How many obsolete revisions of a container are kept, to be listed and rolled back to; the oldest go first. Those in use are never removed.',
  ),
  LONGSHORE_OPERATION_RETENTION: setting(
    duration('30d', '3650d'),
    '30d',
    'duration',
    'How long an operation stays readable after it is done; at least 30 days.',
  ),

  LONGSHORE_WORKER_WIDTH: setting(
    wholeNumber(1, 1024),
    '64',
    'number',
    'How many containers and hosts one worker works on at once. What has been in hand for more than 5 s (a pull, an engine that hangs) is not counted, up to four times as many in all.',
  ),
  LONGSHORE_LEASE_TTL: setting(
    duration('2s', '5m'),
    '15s',
    'duration',
    'After how long the work of a worker that died is taken over by another.',
  ),
  LONGSHORE_WORK_ATTEMPTS: setting(
    wholeNumber(3, 100),
    '5',
    'number',
    'How often in a row the work on a container or host may fail unforeseen, or end the process that does it, before it is given up: the operation ends with INTERNAL, and where none runs, the container or host is parked.',
  ),
  LONGSHORE_OBSERVE_INTERVAL: setting(
    duration('1s', '1h'),
    '30s',
    'duration',
    'How often each host is observed as a whole, whatever its events said.',
  ),
  LONGSHORE_STOP_DEADLINE: setting(
    duration('1s', '1h'),
    '30s',
    'duration',
    'How long the process may take to end after SIGTERM. What is not done by then is carried on by the next process.',
  ),
});

export type Variables = z.output<typeof variables>;
export type VariableName = keyof Variables;

/** Every variable with its documentation, in the order in which they are explained. */
export function describeVariables(): readonly (VariableDoc & { readonly name: string })[] {
  return Object.entries(variables.shape).map(([name, schema]) => {
    const doc = documentation.get(schema);
    if (!doc) throw new Error(`${name} has no documentation`);
    return { name, ...doc };
  });
}
