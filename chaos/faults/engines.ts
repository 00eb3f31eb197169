import type { LinkMode } from '../link.js';
import type { Stage, StageHost } from '../stage.js';
import type { Fault, FaultKind } from './fault.js';

/** Time for instances to be found dead and started again, with the back-off that grows. */
const HOST_RECOVERS_MS = 30_000;
const RECOVERS_MS = 3_000;

type Prepared = Omit<Fault, 'targets'>;

const onEngine = (
  kind: string,
  weight: number,
  prepare: (host: StageHost, forMs: number) => Prepared,
  [from, to]: readonly [from: number, to: number],
): FaultKind => ({
  kind,
  weight,
  prepare: (stage: Stage, random) => {
    const host = random.pick(stage.hosts);
    return { ...prepare(host, random.between(from * 1_000, to * 1_000)), targets: [host.name] };
  },
});

const cutOff = (kind: string, mode: LinkMode): FaultKind =>
  onEngine(
    kind,
    1,
    ({ name, link }, forMs) => ({
      name: `${kind} of ${name}`,
      paths: [engineOf(name)],
      forMs,
      recoversMs: RECOVERS_MS,
      begin: async () => link.set(mode),
      lift: async () => link.set('PASS'),
    }),
    [2, 8],
  );

/** `host-1` is its containers, `engine-1` the way to its engine. */
const engineOf = (host: string) => host.replace('host', 'engine');

/** The engine is away and started again; Docker's port proxies end with it, whether or not its containers do. */
const goes = (
  kind: string,
  weight: number,
  nameOf: (host: StageHost) => string,
  end: (engine: StageHost['engine']) => Promise<void>,
  seconds: readonly [from: number, to: number],
): FaultKind =>
  onEngine(
    kind,
    weight,
    (host, forMs) => ({
      name: nameOf(host),
      paths: [host.name, engineOf(host.name)],
      forMs,
      recoversMs: HOST_RECOVERS_MS,
      begin: () => end(host.engine),
      lift: () => host.engine.start(),
    }),
    seconds,
  );

const killing = ({ name, liveRestore }: StageHost) =>
  `kill the engine of ${name}${liveRestore ? ', which restores its containers' : ''}`;

export const ENGINE_FAULTS: readonly FaultKind[] = [
  goes('engine-kill', 2, killing, (engine) => engine.kill(), [0, 3]),
  goes(
    'engine-restart',
    1,
    ({ name }) => `restart the engine of ${name} in order`,
    (engine) => engine.shutDown(),
    [0, 1],
  ),
  goes(
    'host-crash',
    1,
    ({ name }) => `${name} loses its power`,
    (engine) => engine.crash(),
    [1, 4],
  ),
  onEngine(
    'engine-freeze',
    2,
    ({ name, engine }, forMs) => ({
      name: `freeze the engine of ${name}`,
      paths: [engineOf(name)],
      forMs,
      recoversMs: RECOVERS_MS,
      begin: () => engine.stop(),
      lift: () => engine.cont(),
    }),
    [2, 8],
  ),
  cutOff('engine-slow', 'SLOW'),
  cutOff('engine-silent', 'HELD'),
  cutOff('engine-reset', 'RESET'),
  cutOff('engine-half-open', 'HALF_OPEN'),
];
