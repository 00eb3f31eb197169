import { get, keepCalling } from './caller.js';
import type { DynamicClient, Json } from './client.js';
import { Caller, CONTAINERS, text } from './operations.js';
import type { Report } from './report.js';

const IMAGE = 'longshore/demo-app:latest';
const FOLDER = 'demo';

/** `environment` is added to that of every revision: a planted fault, so that a test can see the demo notice it. */
export interface JobOptions {
  readonly environment: Readonly<Record<string, string>>;
}

/** The main job: create, deploy, call, deploy under load, list, roll back, call, list operations, delete. Everything shown is checked. */
export async function mainJob(client: DynamicClient, report: Report, options: JobOptions): Promise<void> {
  const caller = new Caller(client, report);
  const deploy = (containerId: string, name: string) =>
    caller.operate('DeployRevision', {
      container_id: containerId,
      image_spec: { image_url: IMAGE, environment: { REVISION: name, ...options.environment } },
    });
  const answers = async (url: string, name: string): Promise<void> => {
    report.line(`   $ curl ${url}`);
    const answer = await get(url).catch((error: Error) => ({ status: 0, revision: error.message }));
    const seen = `status ${answer.status}, ${answer.revision ?? 'no revision'}`;
    report.check(`the url answers from revision ${name}`, answer.status === 200 && answer.revision === name, seen);
  };

  report.heading('Create a container');
  const created = await caller.operate('Create', { folder_id: FOLDER, name: `web-${Date.now().toString(36)}` });
  const id = text(created, 'metadata', 'container_id');
  const url = text(await caller.ask(CONTAINERS, 'Get', { container_id: id }), 'url');
  report.line(`   its url: ${url}`);

  report.heading('Deploy revision one, and call it');
  const one = text(await deploy(id, 'one'), 'metadata', 'container_revision_id');
  await answers(url, 'one');

  report.heading('Deploy revision two, while a client keeps calling');
  const calls = keepCalling(url);
  await deploy(id, 'two');
  await answers(url, 'two');
  const { count, failures, slowestMs, revisions } = await calls.stop();
  report.line(
    `   ${count} calls, the slowest took ${Math.round(slowestMs)} ms, answered by ${[...revisions].join(' and ')}`,
  );
  report.check('no call failed meanwhile', count > 0 && failures.length === 0, [...new Set(failures)].join('; '));

  report.heading('List its revisions');
  const active = await listRevisions(caller, report, id, 2);
  report.check('the newer one is ACTIVE', active !== '' && active !== one);

  report.heading('Roll back to revision one, and call it again');
  await caller.operate('Rollback', { container_id: id, revision_id: one });
  await answers(url, 'one');
  report.check('revision one is ACTIVE', (await listRevisions(caller, report, id, 2)) === one);

  report.heading('List its operations');
  await listOperations(caller, report, id);
}

/** Returns the id of the active one. */
async function listRevisions(caller: Caller, report: Report, containerId: string, expected: number): Promise<string> {
  const revisions = listOf(await caller.ask(CONTAINERS, 'ListRevisions', { container_id: containerId }), 'revisions');
  for (const one of revisions)
    report.line(`   ${text(one, 'id')}  ${text(one, 'status').padEnd(8)}  ${text(one, 'image', 'image_digest')}`);
  const active = revisions.filter((one) => text(one, 'status') === 'ACTIVE');
  report.check(
    `there are ${expected} revisions, one of them ACTIVE`,
    revisions.length === expected && active.length === 1,
  );
  return text(active[0], 'id');
}

async function listOperations(caller: Caller, report: Report, containerId: string): Promise<void> {
  const operations = listOf(
    await caller.ask(CONTAINERS, 'ListOperations', { container_id: containerId }),
    'operations',
  );
  for (const one of operations)
    report.line(`   ${text(one, 'id')}  ${text(one, 'description')}  ${one.done === true ? 'done' : 'not done'}`);
  const ended = operations.filter((one) => one.done === true && one.error === undefined);
  report.check(
    '4 operations, all done, none failed',
    operations.length === 4 && ended.length === 4,
    `${ended.length} of ${operations.length}`,
  );
}

/** Deletes every container of the demo. */
export async function deleteAll(client: DynamicClient, report: Report): Promise<void> {
  const caller = new Caller(client, report);
  const containers = listOf(
    await client.call(CONTAINERS, 'List', { folder_id: FOLDER, page_size: 1000 }),
    'containers',
  );
  for (const container of containers) await caller.operate('Delete', { container_id: text(container, 'id') });
}

function listOf(answer: Json, field: string): readonly Json[] {
  const list = answer[field];
  return Array.isArray(list) ? list : [];
}
