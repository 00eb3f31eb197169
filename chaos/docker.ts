import { request } from 'node:http';
import { z } from 'zod';

/** What `docker inspect` shows of a container that carries our labels. */
export interface DockerContainer {
  readonly id: string;
  readonly host: string;
  /** Without the slash in front. */
  readonly name: string;
  readonly status: string;
  readonly running: boolean;
  readonly container: string;
  readonly instance: string;
  readonly revision: string;
  readonly gpus: readonly string[];
}

/** One engine, asked by its own socket, past everything that faults do to the way there. */
export interface DockerView {
  readonly host: string;
  /** All that is labelled as ours, in every state. */
  containers(): Promise<readonly DockerContainer[]>;
  /** Names of the networks and volumes that are there, Docker's own aside. */
  networks(): Promise<readonly string[]>;
  volumes(): Promise<readonly string[]>;
}

const TIMEOUT_MS = 5_000;
const OURS = 'longshore.control-plane';

const listed = z.object({ Id: z.string() });
const inspected = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({ Status: z.string(), Running: z.boolean() }),
  Config: z.object({ Labels: z.record(z.string(), z.string()) }),
  HostConfig: z.object({
    DeviceRequests: z.array(z.object({ DeviceIDs: z.array(z.string()).nullable() })).nullable(),
  }),
});

export function viewDocker(host: string, socketPath: string, timeoutMs = TIMEOUT_MS): DockerView {
  const get = (path: string) => getJson(socketPath, path, timeoutMs);
  return {
    host,
    containers: async () => {
      const filters = encodeURIComponent(JSON.stringify({ label: [OURS] }));
      const all = z.array(listed).parse(await get(`/containers/json?all=1&filters=${filters}`));
      const found = await Promise.all(all.map(({ Id }) => get(`/containers/${Id}/json`)));
      return found.filter((one) => one !== null).map((one) => containerOf(host, inspected.parse(one)));
    },
    networks: async () =>
      z
        .array(z.object({ Name: z.string() }))
        .parse(await get('/networks'))
        .map(({ Name }) => Name)
        .filter((name) => !['bridge', 'host', 'none'].includes(name)),
    volumes: async () =>
      z
        .object({ Volumes: z.array(z.object({ Name: z.string() })).nullable() })
        .parse(await get('/volumes'))
        .Volumes?.map(({ Name }) => Name) ?? [],
  };
}

function containerOf(
  host: string,
  { Id, Name, State, Config, HostConfig }: z.infer<typeof inspected>,
): DockerContainer {
  return {
    id: Id,
    host,
    name: Name.replace('/', ''),
    status: State.Status,
    running: State.Running,
    container: Config.Labels['longshore.container'] ?? '',
    instance: Config.Labels['longshore.instance'] ?? '',
    revision: Config.Labels['longshore.revision'] ?? '',
    gpus: (HostConfig.DeviceRequests ?? []).flatMap(({ DeviceIDs }) => DeviceIDs ?? []),
  };
}

/** Null: there is no such thing. */
function getJson(socketPath: string, path: string, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let text = '';
      response.on('data', (piece: Buffer) => {
        text += piece.toString();
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 404) resolve(null);
        else if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode} ${text}`));
        else resolve(JSON.parse(text));
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
