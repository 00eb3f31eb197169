import { type DockerContainer, viewDocker } from '../docker.js';
import type { Stage } from '../stage.js';
import type { FaultKind } from './fault.js';

/** Until it is found dead and serves again, with the back-off that grows. */
const RECOVERS_MS = 30_000;

/** An engine that hangs must not hold up the next fault. */
const LOOK_MS = 500;

/** What a person with access to a host does to a container of ours. */
const toContainer = (kind: string, does: (container: DockerContainer) => readonly string[]): FaultKind => ({
  kind,
  weight: 1,
  prepare: async (stage: Stage, random) => {
    const host = random.pick(stage.hosts);
    const chosen = random.next();
    const all = await viewDocker(host.name, host.engine.socketPath, LOOK_MS)
      .containers()
      .catch(() => []);
    const running = all.filter((one) => one.running).sort((one, other) => (one.instance < other.instance ? -1 : 1));
    const container = running[Math.floor(chosen * running.length)];
    if (container === undefined) return null;
    return {
      name: `${kind} ${container.name} on ${host.name}`,
      targets: [host.name],
      paths: [container.container],
      forMs: 0,
      recoversMs: RECOVERS_MS,
      // It may be gone by now.
      begin: async () => void (await host.engine.docker(...does(container)).catch(() => {})),
      lift: () => Promise.resolve(),
    };
  },
});

export const BY_HAND: readonly FaultKind[] = [
  toContainer('container-kill', ({ id }) => ['kill', id]),
  toContainer('container-stop', ({ id }) => ['stop', '-t', '1', id]),
  toContainer('container-remove', ({ id }) => ['rm', '-f', id]),
  toContainer('container-rename', ({ id, name }) => ['rename', id, `${name}-by-hand`]),
  {
    kind: 'image-remove',
    weight: 1,
    prepare: (stage, random) => {
      const host = random.pick(stage.hosts);
      return {
        name: `remove the image on ${host.name}`,
        targets: [host.name],
        paths: [host.name.replace('host', 'engine')],
        forMs: 0,
        recoversMs: 0,
        begin: async () => void (await host.engine.docker('rmi', '-f', stage.pulledImage).catch(() => {})),
        lift: () => Promise.resolve(),
      };
    },
  },
];
