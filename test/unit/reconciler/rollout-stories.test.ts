import { takeStep } from '../../support/reconciler/apply.js';
import { isKind, Story } from '../../support/reconciler/story.js';
import { type SimContainer } from '../../support/reconciler/world.js';

const BRING_UP = ['PULL_IMAGE', 'CREATE_CONTAINER', 'START_CONTAINER', 'PROBE_INSTANCE', 'SWITCH_REVISION'];
const RETIRE = ['STOP_CONTAINER', 'FREE_DEVICES', 'SET_ROLE'];
const START_FIRST = ['TAKE_OPERATION', 'PLACE_INSTANCE', ...BRING_UP];

const secondRevision = (story: Story): string => [...story.container.revisions.keys()].at(-1) ?? '';

describe('a deploy', () => {
  it('of the first revision goes straight through', () => {
    const story = new Story();
    story.world.deploy(story.container, 'WELL', 'AUTO', 1);
    expect(story.steps()).toEqual([...START_FIRST, 'COMPLETE_OPERATION']);
    expect(story.outcomes()).toEqual(['OK']);
    expect(story.roles()).toEqual([`SERVING ${story.active}`]);
  });

  it('starts the next one first, and retires the former one after it is done', () => {
    const story = Story.serving();
    const former = story.active;
    story.world.deploy(story.container, 'WELL', 'START_FIRST', 0);
    const steps = story.steps();
    expect(steps.slice(0, START_FIRST.length)).toEqual(START_FIRST);
    expect(steps.slice(START_FIRST.length).sort()).toEqual(['COMPLETE_OPERATION', ...RETIRE].sort());
    expect(story.roles()).toEqual([`RETAINED ${former}`, `SERVING ${story.active}`]);
    expect(story.active).not.toBe(former);
  });

  it('stops the former one first where it needs its devices, and pulls before that', () => {
    const story = Story.serving(2);
    story.world.deploy(story.container, 'WELL', 'AUTO', 2);
    const between = ['HOLD_ROUTE', 'STOP_CONTAINER', 'HAND_OVER_DEVICES'];
    const [pull, ...bringUp] = BRING_UP;
    const expected = ['TAKE_OPERATION', 'PLACE_INSTANCE', pull, ...between, ...bringUp, 'COMPLETE_OPERATION'];
    expect(story.steps()).toEqual(expected);
    expect(story.outcomes()).toEqual(['OK', 'OK']);
    expect(story.world.gpuLeases.size).toBe(2);
  });

  it.each([
    ['NO_IMAGE', 'IMAGE_PULL_FAILED', 1],
    ['NO_CREATE', 'CREATE_FAILED', 1],
    ['FULL_DISK', 'CREATE_FAILED', 1],
    ['NO_START', 'START_FAILED', 2],
    ['EXITS', 'INSTANCE_EXITED', 2],
    ['ILL', 'HEALTH_DEADLINE', 2],
  ] as const)('%s fails with %s and leaves the former one serving', (behaviour, reason, instances) => {
    const story = Story.serving();
    const former = story.active;
    story.world.deploy(story.container, behaviour, 'START_FIRST', 0);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', reason]);
    expect(story.active).toBe(former);
    expect(story.roles()[0]).toBe(`SERVING ${former}`);
    expect(story.roles()).toHaveLength(instances);
  });

  it('that has stopped the former one and fails ends only when that one serves again', () => {
    const story = Story.serving(2);
    story.world.deploy(story.container, 'EXITS', 'AUTO', 2);
    story.steps(isKind('UNDO_ROLLOUT'));
    const restore = ['TAKE_DEVICES_BACK', 'SET_ROLE', 'START_CONTAINER', 'PROBE_INSTANCE', 'PUBLISH_ROUTE'];
    expect(story.steps(isKind('COMPLETE_OPERATION'))).toEqual([...restore, 'COMPLETE_OPERATION']);
    expect(story.outcomes()).toEqual(['OK', 'INSTANCE_EXITED']);
    expect(story.container.route?.targets).toHaveLength(1);
  });

  it('says both errors where the former one cannot be restored, and steady state goes on trying', () => {
    const story = Story.serving(2);
    const former = story.active;
    story.world.deploy(story.container, 'ILL', 'AUTO', 2);
    story.steps(isKind('START_CONTAINER'));
    story.world.down.add('h1');
    story.steps(isKind('COMPLETE_OPERATION'));
    const result = story.container.operations[1]?.result;
    expect(result?.kind === 'ERROR' ? result.failure : null).toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'HOST_UNREACHABLE',
      message: expect.stringContaining('and the former instance on h1 could not be restored yet'),
      metadata: { host: 'h1', not_restored: story.container.state.instances[0]?.id },
    });
    expect(story.container.state.message).toContain('does not serve');
    story.world.down.clear();
    expect(story.steps()).toContain('TAKE_DEVICES_BACK');
    expect(story.roles()).toEqual([`SERVING ${former}`]);
    expect(story.container.state.message).toBe('');
  });

  it('gives the devices back to the former one where its host answers again just after it was given up', () => {
    const story = Story.serving(2);
    story.world.deploy(story.container, 'ILL', 'AUTO', 2);
    story.steps(isKind('START_CONTAINER'));
    story.world.down.add('h1');
    story.steps(isKind('PUBLISH_ROUTE'));
    story.world.down.clear();
    const steps = story.steps();
    expect(steps).toContain('TAKE_DEVICES_BACK');
    expect(steps).not.toContain('FREE_DEVICES');
    expect(story.outcomes()).toEqual(['OK', 'HOST_UNREACHABLE']);
    expect(story.container.state.instances).toMatchObject([{ role: 'SERVING', leased: true }, { role: 'RETAINED' }]);
    expect(story.container.route?.targets).toHaveLength(1);
  });

  it('ends with NO_CAPACITY where no host had room in time, and names each', () => {
    const story = Story.serving(2);
    story.world.deploy(story.container, 'WELL', 'START_FIRST', 2);
    story.steps();
    const result = story.container.operations[1]?.result;
    const why = 'h1 has 0 of 2 GPUs free, 2 in all; h2 has 1 of 2 GPUs';
    expect(result?.kind === 'ERROR' ? result.failure : null).toMatchObject({
      message: expect.stringContaining(why),
      quota: [{ subject: 'hosts', description: why }],
    });
    expect(story.outcomes()).toEqual(['OK', 'NO_CAPACITY']);
  });

  it('ends at once where no host could ever take it', () => {
    const story = new Story();
    story.world.deploy(story.container, 'WELL', 'AUTO', 3);
    expect(story.steps()).not.toContain('WAIT');
    expect(story.outcomes()).toEqual(['NO_SUITABLE_HOST']);
  });

  it('that waits for room goes on as soon as another container gives some up', () => {
    const story = Story.serving(2);
    const { world } = story;
    const other = world.containers.get('c2') as SimContainer;
    world.deploy(other, 'WELL', 'AUTO', 2);
    const kinds = [takeStep(world, other), takeStep(world, other), takeStep(world, other)].map(({ kind }) => kind);
    expect(kinds).toEqual(['TAKE_OPERATION', 'PLACE_INSTANCE', 'WAIT']);
    const blocked = other.state.rollout?.blocked;
    world.submit(story.container, 'DELETE');
    story.steps(isKind('FREE_DEVICES'));
    world.now = (blocked?.retryAt ?? 0) - 100;
    expect(takeStep(world, other).kind).toBe('PLACE_INSTANCE');
    expect(other.state.instances[0]).toMatchObject({ role: 'CANDIDATE', gpuUuids: ['g1', 'g2'] });
  });

  it('tries a transient fault again within its budget', () => {
    const story = new Story([null, null, 'TRANSIENT', 'TRANSIENT']);
    story.world.deploy(story.container, 'WELL', 'AUTO', 0);
    expect(story.steps().filter((kind) => kind === 'PULL_IMAGE')).toHaveLength(3);
    expect(story.outcomes()).toEqual(['OK']);
  });
});

describe('cancel', () => {
  it('before the switch undoes the rollout and keeps nothing of it', () => {
    const story = Story.serving();
    story.world.deploy(story.container, 'ILL', 'START_FIRST', 1);
    story.steps(isKind('PROBE_INSTANCE'));
    story.world.cancel(story.container);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'OPERATION_CANCELLED']);
    expect(story.world.gpuLeases.size).toBe(0);
  });

  it('after the switch changes nothing', () => {
    const story = Story.serving();
    story.world.deploy(story.container, 'WELL', 'START_FIRST', 0);
    story.steps(isKind('SWITCH_REVISION'));
    story.world.cancel(story.container);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'OK']);
  });
});

describe('a rollback', () => {
  it('starts the retained instance where its devices are free', () => {
    const story = Story.serving(1);
    const former = story.active;
    story.world.deploy(story.container, 'WELL', 'START_FIRST', 1);
    story.steps();
    story.world.submit(story.container, 'ROLLBACK', { revisionId: former });
    const steps = story.steps();
    expect(steps).not.toContain('CREATE_CONTAINER');
    expect(steps).not.toContain('PULL_IMAGE');
    expect(story.active).toBe(former);
    expect(story.container.state.stableRevisionId).toBe(former);
    expect(story.roles().sort()).toEqual([`RETAINED ${secondRevision(story)}`, `SERVING ${former}`].sort());
  });

  it('creates anew where the retained instance is gone', () => {
    const story = Story.serving();
    const former = story.active;
    story.world.deploy(story.container, 'WELL', 'START_FIRST', 0);
    story.steps();
    story.world.docker = story.world.docker.filter(({ state }) => state === 'RUNNING');
    story.world.submit(story.container, 'ROLLBACK', { revisionId: former });
    expect(story.steps()).toContain('CREATE_CONTAINER');
    expect(story.active).toBe(former);
  });

  it.each([
    ['drains still', 'COMPLETE_OPERATION', ['RECALL_INSTANCE']],
    ['was stopped', 'STOP_CONTAINER', ['RECALL_INSTANCE', 'START_CONTAINER']],
    ['has just given its devices up', 'FREE_DEVICES', ['PLACE_INSTANCE', 'START_CONTAINER']],
  ] as const)('right after a deploy takes the former instance back that %s', (_what, last, back) => {
    const story = Story.serving(1);
    const [former] = story.container.state.instances;
    story.world.deploy(story.container, 'WELL', 'START_FIRST', 1);
    story.steps(isKind(last));
    story.world.submit(story.container, 'ROLLBACK', { revisionId: former?.revisionId ?? '' });
    const end = ['PROBE_INSTANCE', 'SWITCH_REVISION', 'COMPLETE_OPERATION'];
    expect(story.steps(isKind('COMPLETE_OPERATION'))).toEqual(['TAKE_OPERATION', ...back, ...end]);
    story.steps();
    expect(story.roles().sort()).toEqual([`RETAINED ${secondRevision(story)}`, `SERVING ${former?.revisionId}`]);
    expect(story.container.route?.targets.map(({ instanceId }) => instanceId)).toEqual([former?.id]);
    expect([...story.world.gpuLeases.values()]).toEqual([former?.id]);
  });

  it('that took an instance back and is cancelled retires it again', () => {
    const story = Story.serving();
    const former = story.active;
    story.world.deploy(story.container, 'WELL', 'START_FIRST', 0);
    story.steps(isKind('COMPLETE_OPERATION'));
    story.world.submit(story.container, 'ROLLBACK', { revisionId: former });
    story.steps(isKind('RECALL_INSTANCE'));
    story.world.cancel(story.container);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'OK', 'OPERATION_CANCELLED']);
    expect(story.roles()).toEqual([`RETAINED ${former}`, `SERVING ${secondRevision(story)}`]);
  });

  it('to the active revision is done at once', () => {
    const story = Story.serving();
    story.world.submit(story.container, 'ROLLBACK', { revisionId: story.active });
    expect(story.steps()).toEqual(['TAKE_OPERATION', 'COMPLETE_OPERATION']);
    expect(story.outcomes()).toEqual(['OK', 'OK']);
  });

  it('to a revision that is gone fails and touches nothing', () => {
    const story = Story.serving();
    story.world.submit(story.container, 'ROLLBACK', { revisionId: 'gone' });
    expect(story.steps()).toEqual(['TAKE_OPERATION', 'UNDO_ROLLOUT', 'COMPLETE_OPERATION']);
    expect(story.outcomes()).toEqual(['OK', 'REVISION_GONE']);
  });
});

describe('a delete', () => {
  it('takes everything from the hosts, then the records', () => {
    const story = Story.serving(1);
    story.world.deploy(story.container, 'WELL', 'START_FIRST', 1);
    story.steps();
    story.world.submit(story.container, 'DELETE');
    story.steps(isKind('REMOVE_RECORDS'));
    expect(story.container.status).toBe('GONE');
    expect([story.world.docker.length, story.world.gpuLeases.size, story.world.portLeases.size]).toEqual([0, 0, 0]);
  });

  it('cancels the running rollout first', () => {
    const story = Story.serving();
    story.world.deploy(story.container, 'ILL', 'START_FIRST', 0);
    story.steps(isKind('PROBE_INSTANCE'));
    story.world.submit(story.container, 'DELETE');
    story.steps(isKind('REMOVE_RECORDS'));
    expect(story.outcomes()).toEqual(['OK', 'OPERATION_CANCELLED', 'OK']);
  });

  it.each(['up', 'down'] as const)('of what is %s frees its port when no request is sent there any more', (state) => {
    const story = Story.serving();
    const [docker] = story.world.docker;
    if (state === 'down' && docker) story.world.exit(docker, 1);
    story.world.submit(story.container, 'DELETE');
    const steps = story.steps(isKind('FREE_DEVICES'));
    expect(steps.at(-2)).toBe('PUBLISH_ROUTE');
    expect(story.container.route?.targets).toEqual([]);
  });

  it('that failed has its route withdrawn with what has stopped since', () => {
    const story = Story.serving();
    story.world.down.add('h1');
    story.world.submit(story.container, 'DELETE');
    story.steps(isKind('COMPLETE_OPERATION'));
    story.world.down.clear();
    const [docker] = story.world.docker;
    if (docker) story.world.exit(docker, 1);
    expect(story.steps()).toEqual([
      ...['SET_ROLE', 'PUBLISH_ROUTE', 'FREE_DEVICES', 'REMOVE_CONTAINER', 'FORGET_INSTANCE'],
    ]);
    expect(story.container.route?.targets).toEqual([]);
    expect([story.container.status, story.world.portLeases.size]).toEqual(['DELETING', 0]);
  });

  it('fails where a host does not answer, and can be repeated', () => {
    const story = Story.serving();
    story.world.down.add('h1');
    story.world.submit(story.container, 'DELETE');
    story.steps(isKind('COMPLETE_OPERATION'));
    expect(story.outcomes()).toEqual(['OK', 'HOST_UNREACHABLE']);
    story.world.down.clear();
    expect(story.container.route?.targets).toHaveLength(1);
    expect(story.steps()).toEqual([]);
    story.world.submit(story.container, 'DELETE');
    story.steps(isKind('REMOVE_RECORDS'));
    expect(story.container.status).toBe('GONE');
  });
});
