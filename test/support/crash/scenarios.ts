/** What a revision of a scenario does: answers with its name, and does so however it is asked to stop; ends at once; runs and never answers. */
export type Behaviour = 'ANSWERS' | 'STUBBORN' | 'EXITS' | 'SILENT';

export type Action =
  | { readonly do: 'CREATE' }
  /** `until`: goes on when it has ended, or as soon as its instance was started. */
  | {
      readonly do: 'DEPLOY';
      readonly revision: string;
      readonly behaviour: Behaviour;
      readonly gpus: number;
      readonly until: 'DONE' | 'STARTED';
    }
  | { readonly do: 'ROLLBACK'; readonly to: string }
  /** Of the operation before it. */
  | { readonly do: 'CANCEL' }
  | { readonly do: 'DELETE' }
  /** SIGKILL to the instance that runs. */
  | { readonly do: 'KILL' };

/** What may become of the operation of an action: a status code of google.rpc, or OK. */
export type Result = number | 'OK';

export interface Scenario {
  readonly name: string;
  /** Done without a crash, each to its end. */
  readonly setup: readonly Action[];
  /** In these the worker dies. */
  readonly actions: readonly Action[];
  /** Of the actions that are operations, in order. */
  readonly results: readonly Result[];
  /** The name of the revision that serves in the end; null: none. */
  readonly active: string | null;
  readonly deleted?: true;
  /** It must be the same Docker container as before. */
  readonly inPlace?: true;
}

const CANCELLED = 1;
const FAILED_PRECONDITION = 9;
const BOTH_GPUS = 2;

export const create: Action = { do: 'CREATE' };
export const deploy = (
  revision: string,
  more: { behaviour?: Behaviour; gpus?: number; until?: 'STARTED' } = {},
): Action => ({
  do: 'DEPLOY',
  revision,
  behaviour: 'ANSWERS',
  gpus: 0,
  until: 'DONE',
  ...more,
});
const rollback = (to: string): Action => ({ do: 'ROLLBACK', to });

export const SCENARIOS: readonly Scenario[] = [
  { name: 'create', setup: [], actions: [create], results: ['OK'], active: null },
  { name: 'first deploy', setup: [create], actions: [deploy('one')], results: ['OK'], active: 'one' },
  {
    name: 'second deploy, start-first',
    setup: [create, deploy('one', { gpus: 1 })],
    actions: [deploy('two', { gpus: 1 })],
    results: ['OK'],
    active: 'two',
  },
  {
    name: 'second deploy, stop-first',
    setup: [create, deploy('one', { gpus: BOTH_GPUS })],
    actions: [deploy('two', { gpus: BOTH_GPUS })],
    results: ['OK'],
    active: 'two',
  },
  {
    name: 'failed deploy, start-first',
    setup: [create, deploy('one')],
    actions: [deploy('bad', { behaviour: 'EXITS' })],
    results: [FAILED_PRECONDITION],
    active: 'one',
  },
  {
    name: 'failed deploy, stop-first',
    setup: [create, deploy('one', { gpus: BOTH_GPUS })],
    actions: [deploy('bad', { behaviour: 'EXITS', gpus: BOTH_GPUS })],
    results: [FAILED_PRECONDITION],
    active: 'one',
  },
  {
    name: 'rollback to a retained instance',
    setup: [create, deploy('one'), deploy('two')],
    actions: [rollback('one')],
    results: ['OK'],
    active: 'one',
  },
  {
    name: 'rollback, stop-first',
    setup: [create, deploy('one', { gpus: BOTH_GPUS }), deploy('two', { gpus: BOTH_GPUS })],
    actions: [rollback('one')],
    results: ['OK'],
    active: 'one',
  },
  {
    name: 'cancel of a running deploy',
    setup: [create, deploy('one', { gpus: 1 })],
    actions: [deploy('stuck', { behaviour: 'SILENT', gpus: 1, until: 'STARTED' }), { do: 'CANCEL' }],
    results: [CANCELLED],
    active: 'one',
  },
  {
    name: 'delete',
    setup: [create, deploy('one'), deploy('two', { gpus: 1 }), deploy('bad', { behaviour: 'EXITS' })],
    actions: [{ do: 'DELETE' }],
    results: ['OK'],
    active: null,
    deleted: true,
  },
  {
    name: 'an instance that dies',
    setup: [create, deploy('one', { gpus: 1 })],
    actions: [{ do: 'KILL' }],
    results: [],
    active: 'one',
    inPlace: true,
  },
];
