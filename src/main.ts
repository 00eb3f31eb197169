import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import type { Config } from './config.js';
import { containerView } from './domain/container-view.js';
import { startEmbeddedRedis } from './embedded/redis.js';
import { dockerConfigCredentials } from './engine/docker-auth.js';
import { createDockerDriver, type DockerDriver } from './engine/docker-driver.js';
import { parseEndpoint } from './engine/docker-endpoint.js';
import type { CallTimeouts } from './engine/docker-scope.js';
import { CONTAINER_DEFAULTS } from './engine/docker-spec.js';
import type { EngineDriver } from './engine/driver.js';
import { localGpus } from './engine/local-gpus.js';
import { createFleet } from './fleet/fleet.js';
import type { HostConfig } from './fleet/host-config.js';
import { createObservations } from './fleet/observations.js';
import { HttpListener } from './http/http-listener.js';
import type { RequestDone } from './ingress/log.js';
import { createIngress, type IngressOptions } from './ingress/server.js';
import type { Logger } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { createNewId } from './new-id.js';
import { Parts } from './parts.js';
import { treePath } from './paths.js';
import { createPatience, type Patience } from './patience.js';
import { containersRpc } from './rpc/containers-service.js';
import { operationsRpc } from './rpc/operations-service.js';
import { type GrpcServerOptions, startGrpcServer } from './rpc/server.js';
import type { HostSnapshot } from './scheduler/placement.js';
import { createAccessBindings } from './services/access-bindings.js';
import { allowAll } from './services/authorizer.js';
import { createContainers } from './services/containers.js';
import { createOperations } from './services/operations.js';
import { createRevisions } from './services/revisions.js';
import { createRedisClient } from './store/redis-client.js';
import { mayPass } from './store/redis-faults.js';
import { createStore, type Store } from './store/redis-store.js';
import type { ScriptRunner } from './store/script-runner.js';
import { createRoomMaker } from './worker/collect-images.js';
import { type ContainerCycleDeps, createContainerCycle } from './worker/container-cycle.js';
import { createContainerWard } from './worker/container-ward.js';
import { feedEvents } from './worker/event-feed.js';
import { createHostCycle } from './worker/host-cycle.js';
import { createImageLooks } from './worker/image-looks.js';
import { createOwnStarts } from './worker/own-starts.js';
import { createParking, NO_WARD } from './worker/parking.js';
import { type Probe, probeInstance } from './worker/probe.js';
import { Turns } from './worker/turns.js';
import { Worker } from './worker/worker.js';

/** The running process. */
export interface Service {
  readonly grpcPort: number | null;
  readonly httpPort: number;
  readonly ingressPort: number | null;
  /** Resolves with the reason where it must not go on, and is to be stopped. */
  readonly ended: Promise<string>;
  /** Drains: takes nothing new, ends what is in flight, gives leases back. Whatever is left at the deadline is cut. Never rejects. */
  stop(deadlineMs: number): Promise<void>;
}

/** `wrap…`: what stands between the process and the outside, for whoever wants to count it or to die in the middle of it. */
export interface Seams {
  /** Ends a start that is no longer wanted: serve rejects, with what had begun ended again. */
  readonly signal?: AbortSignal;
  readonly wrapScripts?: (runner: ScriptRunner) => ScriptRunner;
  readonly wrapDriver?: (driver: EngineDriver) => EngineDriver;
  /** How long calls of an engine may take, where that is known better than for all the engines there are. */
  readonly callTimeouts?: CallTimeouts;
  /** Hosts that are no Docker's: how to drive them, and how to ask their instances whether they are healthy. */
  readonly engines?: {
    readonly driver: (host: HostConfig, controlPlaneId: string) => EngineDriver;
    readonly probe: Probe;
  };
  /** In place of the ingress's own limits and times. */
  readonly ingress?: Partial<IngressOptions>;
}

interface Surroundings {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly seams: Seams;
  readonly controlPlaneId: string;
  readonly urlOf: (containerId: string) => string;
  readonly patient: Patience;
}

const STOP_GRACE_SECONDS = 10;
/** One answer that stays out may be a connection that broke. */
const MISSED_LOOKS = 2;

/** Builds everything and starts the roles of the configuration. Rejects if one cannot start, with what had begun ended again. */
export async function serve(config: Config, log: Logger, seams: Seams = {}): Promise<Service> {
  const parts = new Parts(log);
  try {
    const ports = await start(config, log, seams, parts);
    return { ...ports, stop: (deadlineMs) => parts.stop(deadlineMs) };
  } catch (error) {
    await parts.stop(config.stopDeadlineMs);
    throw error;
  }
}

async function start(config: Config, log: Logger, seams: Seams, parts: Parts): Promise<Omit<Service, 'stop'>> {
  const metrics = createMetrics();
  for (const role of config.roles) parts.reports(role, () => 'is starting');
  const http = new HttpListener({ ...config.http, readiness: parts.readiness, metrics, log });
  const httpPort = await listening('LONGSHORE_HTTP_ADDR', () => http.start());
  parts.add(() => http.stop());

  const { signal } = seams;
  const patient = createPatience({ forMs: config.redisWaitMs, passes: mayPass, log, ...(signal && { signal }) });
  const store = await openStore({ config, log, seams, metrics, patient }, parts);
  seams.signal?.throwIfAborted();
  const controlPlaneId = await patient(() => store.controlPlane.id());
  const { redisReason, ended } = watchRedis(store, controlPlaneId, parts);
  parts.reports('redis', redisReason);
  metrics.beforeScrape(() => metrics.redisIs(redisReason() === null));

  // The ingress stops last: what it has in flight must end before the routes under it go.
  const ingressPort = config.roles.has('ingress')
    ? await startIngress({ config, log, metrics, store, seams }, parts)
    : null;
  const around: Surroundings = {
    config,
    log,
    metrics,
    store,
    seams,
    controlPlaneId,
    urlOf: (id) => urlOf(config, id, ingressPort ?? config.ingress.port),
    patient,
  };
  if (config.roles.has('worker')) await startWorker(around, parts);
  const grpcPort = config.roles.has('api') ? await startApi(around, parts) : null;
  log.info({ grpcPort, httpPort, ingressPort, roles: [...config.roles] }, 'ready');
  return { grpcPort, httpPort, ingressPort, ended };
}

/** Where a container is called. The same from every process as long as all have the same configuration. */
function urlOf(config: Config, containerId: string, boundPort: number): string {
  const { domain, publicUrl } = config.ingress;
  const { scheme, port } = publicUrl ?? { scheme: 'http', port: boundPort };
  const usual = scheme === 'https' ? 443 : 80;
  return `${scheme}://${containerId}.${domain}${port === usual ? '' : `:${port}`}/`;
}

async function openStore(
  { config, log, seams, metrics, patient }: Omit<Surroundings, 'store' | 'urlOf' | 'controlPlaneId'>,
  parts: Parts,
): Promise<Store> {
  const url = config.redisUrl ?? (await startRedis(config, log, seams, parts, metrics));
  const { wrapScripts } = seams;
  const settings = { operationTtlMs: config.operationRetentionMs, obsoleteRevisions: config.obsoleteRevisions };
  const connect = (): Redis => createRedisClient(url);
  const store = createStore({ connect, settings, keyspace: config.keyspace, ...(wrapScripts && { wrapScripts }) });
  parts.add(() => store.controlPlane.close());
  for (const warning of await patient(() => store.controlPlane.check())) log.warn({}, warning);
  return store;
}

async function startRedis(config: Config, log: Logger, seams: Seams, parts: Parts, metrics: Metrics): Promise<string> {
  const onRestart = () => metrics.embeddedRedisRestarted();
  const redis = await startEmbeddedRedis({
    dataDir: config.dataDir,
    log,
    onRestart,
    ...(seams.signal && { signal: seams.signal }),
  });
  parts.add(() => redis.stop());
  return redis.url;
}

/** Redis is asked now and then, since readiness has to answer at once. */
function watchRedis(store: Store, controlPlaneId: string, parts: Parts) {
  let reason: string | null = null;
  let end: (why: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const look = () =>
    store.controlPlane.present().then(
      (present) => {
        reason = present === controlPlaneId ? null : redisIsAnothers(controlPlaneId, present);
        if (reason !== null) end(reason);
      },
      (error: unknown) => {
        reason = error instanceof Error ? error.message : String(error);
      },
    );
  const timer = setInterval(() => void look(), 1_000);
  parts.add(() => clearInterval(timer));
  return { redisReason: () => reason, ended };
}

/** Nothing that this process knows of Redis holds any more: to go on would be to take for gone what runs. */
function redisIsAnothers(ours: string, present: string | null): string {
  if (present !== null)
    return `Redis is control plane ${present} now, and this process was started when it was ${ours}: start it again`;
  return (
    `Redis has been emptied: it was control plane ${ours}, and knows of none now. What runs goes on running. Restore its data and start the service ` +
    `again; or start it on the empty one, and then: longshore hosts adopt HOST (docs/operations.md, "Redis was lost")`
  );
}

async function startIngress(
  { config, log, metrics, store, seams }: Omit<Surroundings, 'urlOf' | 'patient' | 'controlPlaneId'>,
  parts: Parts,
): Promise<number> {
  const { domain, address: host, port, publicUrl } = config.ingress;
  const observe = ({ status, answeredBy, durationMs }: RequestDone) =>
    metrics.ingressEnded(status, answeredBy, durationMs / 1000);
  const ingress = createIngress({
    routes: store.routes,
    addr: { host, port },
    domain,
    proto: publicUrl?.scheme ?? 'http',
    log,
    observe,
    ...(seams.ingress !== undefined && { options: seams.ingress }),
  });
  await listening('LONGSHORE_INGRESS_ADDR', () => ingress.start());
  parts.add((deadlineMs) => ingress.stop(deadlineMs));
  metrics.beforeScrape(() => metrics.ingressInFlightIs(ingress.status().inFlight));
  parts.reports('ingress', () => (ingress.ready() ? null : 'has no routes that are fresh enough'));
  return ingress.address().port;
}

async function startWorker(around: Surroundings, parts: Parts): Promise<void> {
  const { config, log, metrics, store, controlPlaneId, patient } = around;
  // Before any engine is claimed by it: whoever finds a claim without its Redis finds whose it is.
  log.info({ controlPlaneId }, 'engines are claimed by this control plane');
  const drivers: DockerDriver[] = [];
  const { engines, wrapDriver, callTimeouts } = around.seams;
  const driver = (host: HostConfig): EngineDriver => {
    if (engines) return engines.driver(host, controlPlaneId);
    const made = dockerDriver(config, controlPlaneId, host, callTimeouts);
    drivers.push(made);
    return wrapDriver?.(made) ?? made;
  };
  const fleet = createFleet({
    hosts: config.hosts,
    controlPlaneId,
    driver,
    localGpus: () => localGpus({ host: 'this machine' }),
    returned: (host) => {
      const failed = (error: unknown) => log.warn({ host, err: error }, 'could not ask for a look at a host');
      store.queue.enqueue(`host/${host}`, 0).catch(failed);
    },
  });
  const { queue, parking, hostWork, records, containerWork: work } = store;
  const ownStarts = createOwnStarts();
  const cycleDeps: ContainerCycleDeps = {
    controlPlaneId,
    work,
    hostWork,
    fleet,
    probe: engines?.probe ?? probeInstance,
    describe: (record) => containerView(record, around.urlOf(record.id)),
    newId: createNewId(),
    random: Math.random,
    log,
    metrics,
    imageLooks: createImageLooks(fleet),
    makeRoom: createRoomMaker({ hostWork, fleet, log, policy: config.images, clock: () => performance.now() }),
    gpuStarts: new Turns(),
    ownStarts,
    pullStallMs: config.pullStallMs,
    stopGraceSeconds: STOP_GRACE_SECONDS,
    policy: config.rollout,
  };
  const parkingDeps = { parking, log, attempts: config.worker.attempts };
  const worker = new Worker({
    queue,
    log,
    metrics,
    leaseTtlMs: config.worker.leaseTtlMs,
    width: config.worker.width,
    work: {
      container: createParking(parkingDeps, createContainerWard(cycleDeps), createContainerCycle(cycleDeps)),
      host: createParking(
        parkingDeps,
        NO_WARD,
        createHostCycle({
          fleet,
          controlPlaneId,
          probe: cycleDeps.probe,
          observations: createObservations(fleet),
          hostWork,
          records,
          queue,
          log,
          policy: config.rollout,
          observeIntervalMs: config.worker.observeIntervalMs,
          hostPolicy: { missedLooks: MISSED_LOOKS, lostAfterMs: config.lostAfterMs },
          quarantineMs: config.orphanQuarantineMs,
          imagePolicy: config.images,
        }),
      ),
    },
  });
  // Those that are known and not configured any more are looked at too, and forgotten.
  await patient(async () => {
    const known = (await hostWork.hosts()).map(({ host }) => host.name);
    for (const name of new Set([...fleet.names, ...known])) await queue.enqueue(`host/${name}`, 0);
  });
  const events = new AbortController();
  // Every host listens to it.
  setMaxListeners(0, events.signal);
  const feeding = feedEvents({ fleet, queue, ownStarts, log }, events.signal);
  worker.start();
  metrics.beforeScrape(async () => {
    metrics.leasesHeld(worker.busy);
    const asked = [queue.backlog(), hostWork.hosts(), parking.parked()] as const;
    const [{ keys, oldestMs }, hosts, parked] = await Promise.all(asked);
    metrics.parkedAre(parked.map(({ key }) => key));
    metrics.queueIs(keys, oldestMs / 1000);
    metrics.hostsAre(hosts.map((snapshot) => ({ ...snapshot.host, devices: devicesOf(snapshot) })));
  });
  parts.reports('worker', () => null);
  parts.add(async (deadlineMs) => {
    events.abort();
    await worker.stop(deadlineMs);
    await feeding;
    for (const one of drivers) one.close();
  });
}

function devicesOf({ host, freeGpus }: HostSnapshot) {
  const [all, free, foreign] = [host.gpus.length, freeGpus.length, host.foreignGpus.length];
  return { free, leased: Math.max(0, all - free - foreign), foreign };
}

function dockerDriver(
  config: Config,
  controlPlaneId: string,
  host: HostConfig,
  timeouts: CallTimeouts | undefined,
): DockerDriver {
  const { dockerConfigFile, pidsLimit } = config;
  return createDockerDriver({
    host: host.name,
    endpoint: parseEndpoint(host.endpoint, host.tls),
    controlPlaneId,
    credentials: dockerConfigFile === null ? () => Promise.resolve(null) : dockerConfigCredentials(dockerConfigFile),
    defaults: { ...CONTAINER_DEFAULTS, pidsLimit },
    ...(timeouts && { timeouts }),
  });
}

async function startApi(around: Surroundings, parts: Parts): Promise<number> {
  const { config, log, metrics, store } = around;
  const { records, watch } = store;
  const deps = { records, watch, authorizer: allowAll, urlOf: around.urlOf, newId: createNewId(), clock: Date.now };
  const operations = createOperations(deps);
  const containers = createContainers(deps);
  const revisions = createRevisions(deps);
  const accessBindings = createAccessBindings(deps);
  const { tls } = config.grpc;
  if (!tls?.clientCa) log.warn({}, 'authentication is off: access bindings are kept and decide nothing');
  const options: GrpcServerOptions = {
    listen: config.grpc,
    services: [containersRpc({ containers, revisions, accessBindings, operations }), operationsRpc(operations)],
    tls: tls && {
      cert: Buffer.from(tls.cert),
      key: Buffer.from(tls.key),
      clientCa: tls.clientCa === null ? null : Buffer.from(tls.clientCa),
    },
    ready: () => parts.reasonOf('redis') === null,
    descriptorSet: await readFile(treePath('gen', 'descriptors.binpb')),
    log,
    observeCall: ({ method, code, durationMs }) => metrics.rpcEnded(method, code, durationMs / 1000),
  };
  const server = await listening('LONGSHORE_GRPC_ADDR', () => startGrpcServer(options));
  parts.add((deadlineMs) => server.close(deadlineMs));
  parts.reports('api', () => null);
  return server.port;
}

/** Says which variable an address that cannot be had came from. */
async function listening<T>(variable: string, begin: () => Promise<T>): Promise<T> {
  try {
    return await begin();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${variable}: cannot listen there (${reason}); free that address or name another`, {
      cause: error,
    });
  }
}
