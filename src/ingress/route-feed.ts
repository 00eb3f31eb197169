import type { Route } from '../domain/route.js';
import type { RouteStore, Routes } from '../store/work.js';
import type { IngressLog } from './log.js';
import type { RouteTable } from './routes.js';
import { createSleepWatch } from './sleep-watch.js';

export interface RouteFeedOptions {
  /** Between two heartbeats and two looks at the version. */
  readonly everyMs: number;
  /** A heartbeat counts for so long; after it nobody waits for this ingress. */
  readonly heartbeatTtlMs: number;
  /** How long the table may be used without word from the store. */
  readonly staleAfterMs: number;
  /** For one call of the store. */
  readonly callTimeoutMs: number;
}

export interface RouteFeedDeps {
  readonly store: RouteStore;
  readonly table: RouteTable;
  readonly ingressId: string;
  busyInstances(): readonly string[];
  /** The table changed for these containers. Called before it is reported, in the same turn as the change. */
  onApplied(containerIds: readonly string[]): void;
  /** Monotonic, in milliseconds. */
  now(): number;
  readonly log: IngressLog;
  readonly options: RouteFeedOptions;
}

/** Keeps the table current, and tells the store what has been applied and what is still in use. */
export interface RouteFeed {
  /** Resolves after the first look at the store, whether or not it could be reached. */
  start(): Promise<void>;
  /** False: nothing was ever read, or the store has been silent for too long; the table must not be used. */
  fresh(): boolean;
  /**
   * Null: the table is what `fresh` says. Else this process was held up for so long that nobody waited for it, and the promise resolves when the store
   * has been heard, or has not been in time.
   */
  waking(): Promise<void> | null;
  /** An instance outside the table has become idle: reports at once. */
  becameIdle(containerId: string): void;
  /** Ends the heartbeat and leaves. To be called when nothing is in flight any more: nobody waits for this ingress after it. */
  stop(): Promise<void>;
}

/**
 * All calls to the store go through one lane, one after another, so that what it answered last is what counts.
 *
 * Each beat reports first and looks at the version second. So whoever publishes a route either finds this ingress among the
 * live ones and waits for it, or published before the look: there is no version that nobody waits for and that is not seen.
 */
export function createRouteFeed(deps: RouteFeedDeps): RouteFeed {
  const { store, table, ingressId, log, options } = deps;
  const hints: { readonly containerId: string; readonly version: number }[] = [];
  const wake = new Set<string>();
  let beatDue = false;
  let lane: Promise<void> | null = null;
  let lastWord: number | null = null;
  let told: ReadonlySet<string> = new Set();
  const sleep = createSleepWatch(deps);
  let reachable = true;
  /** There may be a heartbeat of ours. */
  let joined = false;
  let stopped = false;

  /** Of a word that was asked for before this process fell asleep nothing is to be believed. */
  function heard(askedAt: number): void {
    if (askedAt < sleep.wokeAt()) return;
    lastWord = askedAt;
    sleep.over();
  }

  /** Once for as long as it is so. */
  function tellUnreadable(unreadable: Routes['unreadable']): void {
    for (const one of unreadable) if (!told.has(one.containerId)) log.warn(one, 'a route cannot be read; it is closed');
    told = new Set(unreadable.map(({ containerId }) => containerId));
  }

  async function report(): Promise<number> {
    const woken = [...wake];
    wake.clear();
    const present = { ingressId, appliedVersion: table.version(), busyInstances: deps.busyInstances() };
    try {
      const version = await within(store.report(present, options.heartbeatTtlMs, woken), options.callTimeoutMs);
      joined = true;
      return version;
    } catch (error) {
      for (const id of woken) wake.add(id);
      throw error;
    }
  }

  function applied(changed: readonly string[]): void {
    for (const id of changed) wake.add(id);
    deps.onApplied(changed);
  }

  async function readAll(): Promise<void> {
    const askedAt = deps.now();
    const { version, routes, unreadable } = await within(store.routes(), options.callTimeoutMs);
    const before = table.version();
    const closed = unreadable.map(({ containerId }) => closedRoute(containerId, version));
    const { changed, rewound } = table.applySnapshot({ version, routes: [...routes, ...closed] });
    heard(askedAt);
    if (rewound) log.warn({ before, after: version }, 'the store has lost route changes; following it');
    tellUnreadable(unreadable);
    applied(changed);
    await report();
  }

  async function readHint(): Promise<void> {
    const hint = hints.shift();
    if (hint === undefined || hint.version <= table.version()) return;
    if (hint.version > table.version() + 1) return readAll();
    const route = await within(store.route(hint.containerId), options.callTimeoutMs);
    table.applyNext(hint.containerId, hint.version, route);
    applied([hint.containerId]);
    await report();
  }

  /** A store that takes no writes, since it is full or its replicas are away, still says where instances are. */
  async function askVersion() {
    const askedAt = deps.now();
    try {
      return { askedAt, version: await report(), unreported: null };
    } catch (error) {
      const askedAgainAt = deps.now();
      const version = await within(store.version(), options.callTimeoutMs);
      return { askedAt: askedAgainAt, version, unreported: { error } };
    }
  }

  async function beat(): Promise<void> {
    beatDue = false;
    const { askedAt, version, unreported } = await askVersion();
    if (lastWord === null || askedAt < sleep.wokeAt() || version !== table.version()) await readAll();
    else heard(askedAt);
    if (unreported !== null) throw unreported.error;
  }

  const pending = () => !stopped && (beatDue || hints.length > 0 || wake.size > 0);

  async function runOnce(): Promise<void> {
    if (beatDue) await beat();
    else if (hints.length > 0) await readHint();
    else await report();
  }

  async function run(): Promise<void> {
    try {
      while (pending()) await runOnce();
      if (!reachable) log.info({ ingressId }, 'the store is back');
      reachable = true;
      lane = null;
    } catch (error) {
      // The next beat reads everything anew if the version says that something was missed.
      hints.length = 0;
      if (reachable) log.warn({ error: String(error) }, 'the store fails; serving the last routes that it gave');
      reachable = false;
      if (joined && !fresh()) await leave();
      lane = null;
    }
  }

  function fresh(): boolean {
    const now = deps.now();
    return lastWord !== null && lastWord >= sleep.wokeAt(now) && now - lastWord < options.staleAfterMs;
  }

  /** Nobody is to wait for an ingress that serves nothing. */
  async function leave(): Promise<void> {
    joined = false;
    try {
      await within(store.leave(ingressId), options.callTimeoutMs);
    } catch (error) {
      log.warn({ error: String(error) }, 'could not leave; the heartbeat lapses by itself');
    }
  }

  function kick(): void {
    if (lane === null && pending()) lane = run();
  }

  let timer: NodeJS.Timeout | undefined;
  let unsubscribe = () => {};

  return {
    async start() {
      unsubscribe = store.onRoute((containerId, version) => {
        hints.push({ containerId, version });
        kick();
      });
      const beatNow = () => {
        sleep.wokeAt();
        beatDue = true;
        kick();
      };
      timer = setInterval(beatNow, options.everyMs);
      beatNow();
      await lane;
    },
    fresh,
    waking: sleep.waking,
    becameIdle(containerId) {
      wake.add(containerId);
      kick();
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      unsubscribe();
      await lane;
      await leave();
    },
  };
}

/** Of a container whose own route cannot be read: nobody knows where its instances are, and there are some. */
const closedRoute = (containerId: string, version: number): Route => ({
  ...{ containerId, version, state: 'SERVING', revisionId: null, targets: [], concurrency: 1, executionTimeoutMs: 0 },
});

/** A call that hangs must not hold up the lane. Its late answer is dropped. */
async function within<T>(call: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer from the store within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([call, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
