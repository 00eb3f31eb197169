import { z } from 'zod';
import { http } from '../http.js';

/*
 * What Docker says, asked on its socket: its client is a process each time, which costs more than all the rest of a look.
 */

/** An engine that was left hanging answers when it is woken. */
const ANSWER_MS = 60_000;
const listed = z.array(z.object({ Id: z.string() }));

/** Ids of the containers with this label, `name` or `name=value`; `all`: of those too that do not run. */
export async function idsByLabel(socketPath: string, label: string, { all }: { readonly all: boolean }) {
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
  const found = await ask(socketPath, `/containers/json?all=${all}&filters=${filters}`);
  return listed.parse(found).map(({ Id }) => Id);
}

/** Null: there is no such container. */
export function inspectContainer(socketPath: string, id: string): Promise<unknown> {
  return ask(socketPath, `/containers/${id}/json`);
}

async function ask(socketPath: string, path: string): Promise<unknown> {
  const { status, body } = await http(`http://docker${path}`, { socketPath, timeoutMs: ANSWER_MS });
  if (status === 404) return null;
  if (status !== 200) throw new Error(`Docker answered ${status} to ${path}: ${body}`);
  return JSON.parse(body);
}
