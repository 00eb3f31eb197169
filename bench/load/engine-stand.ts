import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Revision } from '../../gen/ts/longshore/containers/v1/revision.js';
import type { PrivateEngine } from '../../test/support/private-engine.js';
import { newDirectory } from '../../test/support/run-directory.js';
import { type DeployDraft, responseOf, type ServiceClient, serviceClient } from '../../test/support/service-client.js';
import { openStore } from '../../test/support/store-fixture.js';
import type { Environment, ServiceProcess, Stage } from '../stage.js';
import { type BareDocker, createBareDocker } from './bare-docker.js';

/** A whole service with one real engine, and dockerode on the same engine. */
export interface EngineStand {
  readonly engine: PrivateEngine;
  readonly service: ServiceProcess;
  readonly client: ServiceClient;
  /** Creates what a deploy of `HTTP_SERVER` creates. */
  readonly docker: BareDocker;
}

/** The lightest server of HTTP that there is, so that what is measured is the deploy and not the start of the program. It answers 404. */
export const HTTP_SERVER = 'longshore/busybox:latest';
export const HTTP_DRAFT: DeployDraft = { imageSpec: { command: { command: ['httpd', '-f', '-p', '8080'] } } };

/** The service's, and behind them as many for dockerode. */
const PORTS = 250;

export async function startEngineStand(stage: Stage, env: Environment = {}): Promise<EngineStand> {
  const [redis, engine] = await Promise.all([stage.redis(), stage.engine()]);
  const first = 10_000 + (process.pid % 40) * 2 * PORTS;
  const hosts = hostsFile(engine, { first, last: first + PORTS - 1 });
  const service = await stage.service({ REDIS_URL: redis.url, LONGSHORE_HOSTS_FILE: hosts, ...env });
  const client = serviceClient(service.grpc);
  stage.after(() => client.close());
  const store = openStore(redis.url);
  stage.after(() => store.controlPlane.close());

  const { id, revisionId } = await deployed(client, 'pattern');
  const revision = await store.records.revision(revisionId);
  if (revision?.image === null || revision === null) throw new Error('the pattern has no image');
  await client.succeeded(await client.delete(id));
  const controlPlaneId = await store.controlPlane.id();
  const pattern = { spec: revision.spec, imageId: revision.image.id, controlPlaneId };
  const docker = createBareDocker(engine.socketPath, pattern, { first: first + PORTS, last: first + 2 * PORTS - 1 });
  return { engine, service, client, docker };
}

/** A new container with one revision. */
export async function deployed(client: ServiceClient, name: string): Promise<{ id: string; revisionId: string }> {
  const { id } = await client.createContainer(name);
  const done = await client.succeeded(await client.deploy(id, HTTP_SERVER, HTTP_DRAFT));
  return { id, revisionId: responseOf(done, Revision).id };
}

function hostsFile(engine: PrivateEngine, { first, last }: { readonly first: number; readonly last: number }): string {
  const host = { name: 'host-1', endpoint: engine.endpoint, address: '127.0.0.1', gpus: [], ports: `${first}-${last}` };
  const file = join(newDirectory('hosts'), 'hosts.yaml');
  // YAML is a superset of JSON.
  writeFileSync(file, JSON.stringify({ hosts: [host] }));
  return file;
}

/** Milliseconds that `action` takes. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}

/** Runs `action` for each number below `count`, so many at a time. */
export async function inFlight(
  width: number,
  count: number,
  action: (number: number) => Promise<unknown>,
): Promise<void> {
  const numbers = Array.from({ length: count }, (_, at) => at).values();
  const work = async () => {
    for (const number of numbers) await action(number);
  };
  await Promise.all(Array.from({ length: width }, work));
}
