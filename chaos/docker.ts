import { request } from 'node:http';
import { z } from 'zod';
import { type Labelled, labelled, OURS } from '../test/support/labelled.js';

export interface DockerContainer extends Labelled {
  readonly host: string;
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

const listed = z.object({ Id: z.string() });

export function viewDocker(host: string, socketPath: string, timeoutMs = TIMEOUT_MS): DockerView {
  const get = (path: string) => getJson(socketPath, path, timeoutMs);
  return {
    host,
    containers: async () => {
      const filters = encodeURIComponent(JSON.stringify({ label: [OURS] }));
      const all = z.array(listed).parse(await get(`/containers/json?all=1&filters=${filters}`));
      const found = await Promise.all(all.map(({ Id }) => get(`/containers/${Id}/json`)));
      return found.filter((one) => one !== null).map((one) => ({ host, ...labelled(one) }));
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
