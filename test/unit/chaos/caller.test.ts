import { createServer } from 'node:http';
import type { ApiOperation } from '../../../chaos/api.js';
import { Caller } from '../../../chaos/caller.js';
import { type Entry, Ledger } from '../../../chaos/ledger.js';
import {
  callsTo,
  ended,
  MADE_AT,
  madeAt,
  open,
  operation,
  record,
  revert,
  shown,
} from '../../support/chaos/records.js';
import { until } from '../../support/until.js';

const revisions = new Map([
  ['r1', 'first'],
  ['r2', 'second'],
]);
/** `r1`, and then `r2`. */
const DEPLOYED = [ended('o1'), ended('o2', { revisionId: 'r2' })];
const LISTED = [operation('o2', madeAt(MADE_AT + 1_000)), operation('o1')];

interface Parts {
  readonly status?: number;
  readonly entries?: readonly Entry[];
  readonly listed?: readonly ApiOperation[];
  /** Its Delete is asked for before the answer is there. */
  readonly deleted?: boolean;
  /** Its Stop is. */
  readonly stopped?: boolean;
}

/** What is said of a container that answers with `text`. */
async function saidOf(
  text: string,
  { status = 200, entries = DEPLOYED, listed = LISTED, deleted = false, stopped = false }: Parts = {},
): Promise<readonly [what: string, late: boolean][]> {
  const one = record([...entries], { revisions, servesSince: 0 });
  const server = createServer((_request, response) => {
    if (deleted) one.deletedAt = MADE_AT;
    if (stopped) one.servesSince = null;
    response.writeHead(status).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const ledger = new Ledger();
  ledger.created(one);
  const calls = callsTo({ container: async () => shown(), operationsOf: async () => listed });
  const caller = new Caller({ ingresses: [{ name: 'ingress-1', port }], ledger, calls });
  const running = caller.run();
  await until('it has asked', () => caller.sent > 0);
  caller.stop();
  await running;
  server.close();
  return caller.failed.map(({ what, late }) => [what.replace(/^GET \S+: /, ''), late]);
}

const openDeploy: Entry = open('o3', { revisionId: 'r2' });
const reverted = [revert('s1', 'r1', madeAt(MADE_AT + 2_000)), ...LISTED];

test.each<[string, string, Parts]>([
  ['its active revision', 'second', {}],
  ['a former one, while another is rolled out', 'first', { entries: [...DEPLOYED, openDeploy] }],
  ['a former one, to which the service itself has reverted', 'first', { listed: reverted }],
  [
    'a former one, while the service itself reverts',
    'first',
    { listed: [operation('s1', { done: false }), ...LISTED] },
  ],
])('of a container that is answered for by %s nothing is said', async (_what, text, parts) => {
  expect(await saidOf(text, parts)).toEqual([]);
});

test.each<[string, string, Parts, [string, boolean]]>([
  ['an error', 'away', { status: 502 }, ['status 502: away', false]],
  ['what was never deployed', 'third', {}, ['answered by third', false]],
  ['a former revision', 'first', {}, ['answered by first, which was not active any more when it was sent', true]],
])('of one that is answered for by %s it is', async (_what, text, parts, said) => {
  expect(await saidOf(text, parts)).toEqual([said]);
});

test.each([{ deleted: true }, { stopped: true }])('of one that is to be %j nothing is said', async (meanwhile) => {
  expect(await saidOf('away', { status: 502, ...meanwhile })).toEqual([]);
});
