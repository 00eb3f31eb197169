import type { Api, ApiContainer, ApiOperation } from '../../../chaos/api.js';
import type { Answer, Calls } from '../../../chaos/calls.js';
import type { DockerContainer } from '../../../chaos/docker.js';
import type { ContainerRecord, Entry } from '../../../chaos/ledger.js';

/** When what is built here was made, and ended, in ms. */
export const MADE_AT = 100_000;
export const ENDED_AT = 110_000;

const seconds = (at: number) => ({ seconds: Math.floor(at / 1_000), nanos: (at % 1_000) * 1_000_000 });

/** One that succeeded. */
export const operation = (id: string, part: Partial<ApiOperation> = {}): ApiOperation => ({
  id,
  description: `what ${id} does`,
  created_by: 'caller',
  created_at: seconds(MADE_AT),
  modified_at: seconds(ENDED_AT),
  done: true,
  error: null,
  response: { type_url: 't', value: Buffer.from(id) },
  metadata: { type_url: 'm', value: metadataOf('one', 'r1') },
  ...part,
});

export const failedWith = (code: number, message = 'no'): Partial<ApiOperation> => ({
  error: { code, message },
  response: null,
});

export const madeAt = (at: number): Partial<ApiOperation> => ({ created_at: seconds(at) });

/** A rollback that the service made by itself. */
export const revert = (id: string, revisionId: string, part: Partial<ApiOperation> = {}): ApiOperation =>
  operation(id, {
    created_by: 'longshore',
    metadata: { type_url: 'm', value: metadataOf('one', revisionId) },
    ...part,
  });

/** Two texts, the fields 1 and 2. */
function metadataOf(containerId: string, revisionId: string): Buffer {
  const field = (tag: number, text: string) => Buffer.concat([Buffer.from([tag, text.length]), Buffer.from(text)]);
  return Buffer.concat([field(0x0a, containerId), field(0x12, revisionId)]);
}

/** A deploy of `r1` that has not ended. */
export const open = (operationId: string, part: Partial<Entry> = {}): Entry => ({
  operationId,
  containerId: 'one',
  method: 'DeployRevision',
  revisionId: 'r1',
  canSucceed: true,
  scarce: false,
  acknowledgedAt: MADE_AT,
  cancelled: false,
  end: null,
  ...part,
});

/** The same when it has ended, with success if `shown` does not say otherwise. */
export const ended = (operationId: string, part: Partial<Entry> = {}, shown: Partial<ApiOperation> = {}): Entry =>
  open(operationId, { ...part, end: { at: ENDED_AT, text: '', operation: operation(operationId, shown) } });

export const record = (entries: Entry[], part: Partial<ContainerRecord> = {}): ContainerRecord => ({
  id: 'one',
  name: 'c1-1',
  startFirst: true,
  entries,
  revisions: new Map([['r1', 'c1-1-r1']]),
  asking: false,
  deletedAt: null,
  servesSince: null,
  stopAskedAfter: 0,
  ...part,
});

/** The instance `i1` of the revision `r1`, as Docker has it. */
export const onDocker = (part: Partial<DockerContainer> = {}): DockerContainer => ({
  host: 'host-1',
  id: 'd1',
  name: 'ls-i1-f1',
  status: part.running === false ? 'exited' : 'running',
  running: true,
  startedAt: MADE_AT,
  container: 'one',
  instance: 'i1',
  revision: 'r1',
  ports: [],
  gpus: ['G1'],
  ...part,
});

/** And as the API has it. */
export const shown = (part: Partial<ApiContainer> = {}): ApiContainer => ({
  id: 'one',
  name: 'c1-1',
  status: 'ACTIVE',
  url: 'http://one/',
  active_revision_id: 'r1',
  stopped: false,
  status_message: '',
  instances: [instance('i1')],
  ...part,
});

export const instance = (
  id: string,
  part: Partial<ApiContainer['instances'][number]> = {},
): ApiContainer['instances'][number] => ({
  id,
  revision_id: 'r1',
  host: 'host-1',
  gpu_uuids: ['G1'],
  state: 'STATE_RUNNING',
  ...part,
});

/** Calls that `answers` answers; null stands for a process that is silent. Whatever else is called fails the test. */
export function callsTo(answers: Partial<Api>, silent: readonly string[] = []): Calls {
  const unexpected = (): Promise<never> => Promise.reject(new Error('called by mistake'));
  const api: Api = {
    change: unexpected,
    operation: unexpected,
    operationsOf: unexpected,
    container: unexpected,
    containers: unexpected,
    revisions: unexpected,
    close: () => {},
    ...answers,
  };
  const settle = async <T>(_method: string, call: (api: Api) => Promise<T>): Promise<Answer<T>> => ({
    reply: await call(api),
  });
  return {
    made: [],
    settle,
    once: async (method, call) => (silent.includes(method) ? null : settle(method, call)),
  };
}
