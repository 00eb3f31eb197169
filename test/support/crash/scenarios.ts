/** What a revision of a scenario does: answers with its name, and does so however it is asked to stop; ends at once; runs and never answers. */
export type Behaviour = 'ANSWERS' | 'STUBBORN' | 'EXITS' | 'SILENT';

export type Action =
  | { readonly do: 'CREATE' }
  | { readonly do: 'UPDATE'; readonly description: string }
  /** All callers get this role. */
  | { readonly do: 'BIND'; readonly role: string }
  /** `until`: goes on when it has ended, or as soon as its instance was started. */
  | {
      readonly do: 'DEPLOY';
      readonly revision: string;
      readonly behaviour: Behaviour;
      readonly gpus: number;
      readonly until: 'DONE' | 'STARTED';
      /** Its image is in the registry. */
      readonly pulled?: true;
      /** It serves no HTTP, and is healthy when it has run for so many milliseconds. */
      readonly runsFor?: number;
      /** Something else takes the port that it is given. */
      readonly portTaken?: true;
    }
  | { readonly do: 'ROLLBACK'; readonly to: string }
  | { readonly do: 'STOP' }
  | { readonly do: 'START' }
  /** Of the operation before it. */
  | { readonly do: 'CANCEL' }
  | { readonly do: 'DELETE' }
  /** SIGKILL to the instance that runs, or to that of a revision. */
  | { readonly do: 'KILL'; readonly revision?: string }
  /** The victim ends as at a SIGTERM. */
  | { readonly do: 'LEAVE' }
  /** What has to be pulled is on no engine any more. */
  | { readonly do: 'FORGET_IMAGES' };

/** What may become of the operation of an action: a status code of google.rpc, or OK. */
export type Result = number | 'OK';

export interface Scenario {
  readonly name: string;
  /** Done without a crash, each to its end. */
  readonly setup: readonly Action[];
  /** In these the victim dies. */
  readonly actions: readonly Action[];
  /** Of the actions that are operations, in order, and then of the one by which the container goes back by itself. */
  readonly results: readonly Result[];
  /** The name of the revision that is active in the end; null: none. */
  readonly active: string | null;
  /** And that it does not serve, but is stopped. */
  readonly stopped?: true;
  /** That revision serves no HTTP. */
  readonly silent?: true;
  readonly deleted?: true;
  /** It must be the same Docker container as before. */
  readonly inPlace?: true;
  /** It must have left its host. */
  readonly elsewhere?: true;
  /** The container goes back by itself, by one operation of the control plane's own. */
  readonly goesBack?: true;
  /** Changes are sent with an idempotency key. */
  readonly keyed?: true;
  /** The points that are worth dying at; all of them by default. */
  readonly points?: RegExp;
}

const CANCELLED = 1;
const FAILED_PRECONDITION = 9;
const BOTH_GPUS = 2;

export const create: Action = { do: 'CREATE' };
type Deploy = Extract<Action, { do: 'DEPLOY' }>;
export const deploy = (revision: string, more: Partial<Omit<Deploy, 'do' | 'revision'>> = {}): Action => ({
  do: 'DEPLOY',
  revision,
  behaviour: 'ANSWERS',
  gpus: 0,
  until: 'DONE',
  ...more,
});
const rollback = (to: string): Action => ({ do: 'ROLLBACK', to });

/** For a worker that dies, with one host. */
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
    name: 'stop',
    setup: [create, deploy('one', { gpus: 1 })],
    actions: [{ do: 'STOP' }],
    results: ['OK'],
    active: 'one',
    stopped: true,
  },
  {
    name: 'start',
    setup: [create, deploy('one', { gpus: 1 }), { do: 'STOP' }],
    actions: [{ do: 'START' }],
    results: ['OK'],
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
  {
    name: 'a revision that dies while it is watched',
    // Whoever rolls back to what is active has made it the stable one.
    setup: [create, deploy('one'), rollback('one')],
    actions: [deploy('two'), { do: 'KILL', revision: 'two' }],
    results: ['OK', 'OK'],
    active: 'one',
    goesBack: true,
  },
  {
    name: 'a process without HTTP',
    setup: [create],
    actions: [deploy('one', { behaviour: 'SILENT', runsFor: 300 })],
    results: ['OK'],
    active: 'one',
    silent: true,
  },
  {
    name: 'a port that something else has',
    setup: [create],
    actions: [deploy('one', { portTaken: true })],
    results: ['OK'],
    active: 'one',
  },
];

/** For a worker that dies, with two hosts and a registry. */
export const TWO_HOSTS: readonly Scenario[] = [
  {
    name: 'second deploy, on another host',
    setup: [create, deploy('one', { gpus: BOTH_GPUS })],
    actions: [deploy('two', { gpus: BOTH_GPUS })],
    results: ['OK'],
    active: 'two',
    elsewhere: true,
  },
  {
    name: 'deploy of an image that is pulled',
    setup: [{ do: 'FORGET_IMAGES' }, create],
    actions: [deploy('one', { pulled: true })],
    results: ['OK'],
    active: 'one',
  },
];

const EVERY_CHANGE: Omit<Scenario, 'name'> = {
  setup: [],
  actions: [
    create,
    { do: 'UPDATE', description: 'new' },
    { do: 'BIND', role: 'viewer' },
    deploy('one'),
    // To the active one: an operation like any other, without the time that a rollout takes.
    rollback('one'),
    deploy('stuck', { behaviour: 'SILENT', until: 'STARTED' }),
    { do: 'CANCEL' },
  ],
  results: ['OK', 'OK', 'OK', 'OK', 'OK', CANCELLED],
  active: 'one',
  points: /^script:(create-container|update-container|set-access-bindings|submit|cancel)#/,
};
const DELETION: Omit<Scenario, 'name'> = {
  setup: [create, deploy('one')],
  actions: [{ do: 'DELETE' }],
  results: ['OK'],
  active: null,
  deleted: true,
  points: /^script:submit#/,
};

/** For an API process that dies: before each script that changes something, and after it, before its reply is used. */
export const API_SCENARIOS: readonly Scenario[] = [
  { ...EVERY_CHANGE, name: 'every change, repeated with its key', keyed: true },
  { ...EVERY_CHANGE, name: 'every change, without a key' },
  { ...DELETION, name: 'delete, repeated with its key', keyed: true },
  { ...DELETION, name: 'delete, without a key' },
];

/** How many heartbeats there are depends on how long all takes. */
const INGRESS_POINTS = /^script:(report-ingress#[1-4] |routes|leave-ingress)/;

/** For an ingress process that dies. The switch waits for it until its heartbeat has lapsed. */
export const INGRESS_SCENARIOS: readonly Scenario[] = [
  {
    name: 'second deploy',
    setup: [create, deploy('one')],
    actions: [deploy('two')],
    results: ['OK'],
    active: 'two',
    points: INGRESS_POINTS,
  },
  {
    name: 'an ingress that leaves during a deploy',
    setup: [create, deploy('one')],
    actions: [deploy('two', { until: 'STARTED' }), { do: 'LEAVE' }],
    results: ['OK'],
    active: 'two',
    points: INGRESS_POINTS,
  },
];
