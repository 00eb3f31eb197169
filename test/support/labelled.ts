import { z } from 'zod';

/** A container that carries our labels, as `docker inspect` shows it to somebody who knows those alone. */
export interface Labelled {
  readonly id: string;
  /** Without the slash in front. */
  readonly name: string;
  readonly status: string;
  readonly running: boolean;
  /** When it was started last, by the clock of its engine, in ms; 0: never. */
  readonly startedAt: number;
  readonly container: string;
  readonly instance: string;
  readonly revision: string;
  /** On the host. */
  readonly ports: readonly number[];
  readonly gpus: readonly string[];
}

/** Every object of ours carries it. */
export const OURS = 'longshore.control-plane';

const inspected = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({ Status: z.string(), Running: z.boolean(), StartedAt: z.string() }),
  Config: z.object({ Labels: z.record(z.string(), z.string()) }),
  HostConfig: z.object({
    PortBindings: z.record(z.string(), z.array(z.object({ HostPort: z.string() }))).nullable(),
    DeviceRequests: z.array(z.object({ DeviceIDs: z.array(z.string()).nullable() })).nullable(),
  }),
});

/** `shown`: what `docker inspect` shows. */
export function labelled(shown: unknown): Labelled {
  const { Id, Name, State, Config, HostConfig } = inspected.parse(shown);
  return {
    id: Id,
    name: Name.replace('/', ''),
    status: State.Status,
    running: State.Running,
    startedAt: Math.max(0, Date.parse(State.StartedAt)),
    container: Config.Labels['longshore.container'] ?? '',
    instance: Config.Labels['longshore.instance'] ?? '',
    revision: Config.Labels['longshore.revision'] ?? '',
    ports: Object.values(HostConfig.PortBindings ?? {})
      .flat()
      .map(({ HostPort }) => Number(HostPort)),
    gpus: (HostConfig.DeviceRequests ?? []).flatMap(({ DeviceIDs }) => DeviceIDs ?? []),
  };
}
