import { plan } from '../../../src/reconciler/plan.js';
import { takeStep } from '../../support/reconciler/apply.js';
import { isKind, Story } from '../../support/reconciler/story.js';
import { portOf, type SimContainer } from '../../support/reconciler/world.js';

/** One in which r1 was stopped. */
function stoppedStory(gpus = 0): Story {
  const story = Story.serving(gpus);
  story.world.submit(story.container, 'STOP');
  story.steps();
  return story;
}

/** Something is asked of the other container of the world, and done. */
function asAnother(story: Story, ask: (story: Story, other: SimContainer) => void): void {
  const other = story.world.containers.get('c2');
  if (!other) throw new Error('the world has one container only');
  ask(story, other);
  for (let count = 0; count < 20; count += 1) {
    story.world.applied = other.route?.version ?? 0;
    takeStep(story.world, other);
  }
}

const running = ({ world, container }: Story) =>
  world.docker.filter(({ state, identity }) => state === 'RUNNING' && identity.containerId === container.id);

const isStopped = ({ container }: Story): boolean => container.state.stopped !== undefined;

const hostOf = ({ container }: Story): string => container.state.instances[0]?.host ?? '';

/** What the last operation says of itself though all went well. */
const noteOf = ({ container }: Story): string | undefined => container.operations.at(-1)?.progress?.message;

function startByHand({ world }: Story): void {
  for (const docker of world.docker) Object.assign(docker, { state: 'RUNNING', startedAt: 'by hand' });
}

describe('Stop', () => {
  it('lets nobody in, stops, frees and keeps the instance', () => {
    const story = Story.serving(1);
    story.world.submit(story.container, 'STOP');
    const steps = ['BEGIN_STOP', 'STOP_CONTAINER', 'FREE_DEVICES', 'SET_ROLE', 'COMPLETE_OPERATION'];
    expect(story.steps()).toEqual(['TAKE_OPERATION', ...steps]);
    expect(story.outcomes()).toEqual(['OK', 'OK']);
    expect(story.container.route).toMatchObject({ state: 'STOPPED', targets: [] });
    expect(isStopped(story)).toBe(true);
    expect(story.roles()).toEqual([`RETAINED ${story.active}`]);
    expect([running(story), [...story.world.gpuLeases], [...story.world.portLeases]]).toEqual([[], [], []]);
  });

  it('waits for the requests under way', () => {
    const story = Story.serving();
    story.world.submit(story.container, 'STOP');
    story.steps(isKind('BEGIN_STOP'));
    expect(takeStep(story.world, story.container)).toMatchObject({
      kind: 'WAIT',
      reason: expect.stringContaining('finishes its requests'),
    });
    expect(running(story)).toHaveLength(1);
    story.steps();
    expect(running(story)).toEqual([]);
  });

  it('gives the port of what is down to nobody before all ingresses know', () => {
    const story = Story.serving();
    const [docker] = story.world.docker;
    story.world.submit(story.container, 'STOP');
    if (docker) story.world.exit(docker, 1);
    story.steps(isKind('BEGIN_STOP'));
    expect(takeStep(story.world, story.container).kind).toBe('WAIT');
    expect(story.world.portLeases.size).toBe(1);
    story.steps();
    expect(story.world.portLeases.size).toBe(0);
  });

  it('stops what somebody has paused', () => {
    const story = Story.serving(1);
    Object.assign(story.world.docker[0] ?? {}, { state: 'PAUSED' });
    story.world.stop = (name) => {
      for (const docker of story.world.docker) if (docker.name === name) Object.assign(docker, { state: 'EXITED' });
    };
    story.world.submit(story.container, 'STOP');
    story.steps();
    expect([story.outcomes().at(-1), story.world.gpuLeases.size]).toEqual(['OK', 0]);
  });

  it('fails for what may run unseen, which keeps its devices', () => {
    const story = Story.serving(1);
    const [docker] = story.world.docker;
    if (docker) story.world.exit(docker, 1);
    story.world.killedStarts.push('AFTER');
    story.steps(
      ({ kind }) =>
        kind === 'WAIT' && story.world.unseen.size > 0 && [...story.world.unseen.values()].every(({ told }) => told),
    );
    story.world.submit(story.container, 'STOP');
    story.steps();
    expect([story.outcomes().at(-1), story.world.gpuLeases.size]).toEqual(['RUNS_UNSEEN', 1]);
    story.world.endUnseen();
    story.steps();
    expect(story.world.gpuLeases.size).toBe(0);
    expect(isStopped(story)).toBe(true);
  });

  it('keeps nothing up for a rollback', () => {
    const story = Story.serving();
    story.world.submit(story.container, 'STOP');
    story.steps(isKind('BEGIN_STOP'));
    const view = story.world.view(story.container);
    const applied = (story.container.route?.version ?? 0) + 1;
    const ingresses = [{ ingressId: 'i', appliedVersion: applied, busyInstances: [] }];
    const policy = { ...view.policy, keepDrainingMs: 60_000 };
    expect(plan({ ...view, running: null, ingresses, policy }).kind).toBe('STOP_CONTAINER');
  });

  it.each(['starts it', 'reboots its host'])('holds whoever %s', (what) => {
    const story = stoppedStory();
    if (what === 'starts it') startByHand(story);
    else story.world.reboot(story.container.state.instances[0]?.host ?? '');
    expect(story.steps()).toEqual(what === 'starts it' ? ['STOP_CONTAINER'] : []);
    expect(running(story)).toEqual([]);
    expect(story.container.route?.state).toBe('STOPPED');
  });

  it('succeeds where nothing runs, and changes nothing', () => {
    const story = stoppedStory();
    story.world.submit(story.container, 'STOP');
    expect(story.steps()).toEqual(['TAKE_OPERATION', 'COMPLETE_OPERATION']);
    const empty = new Story();
    empty.world.submit(empty.container, 'STOP');
    empty.world.deploy(empty.container, 'WELL', 'AUTO', 0);
    empty.steps();
    expect(empty.outcomes()).toEqual(['OK', 'OK']);
    expect(empty.roles()).toEqual([`SERVING ${empty.active}`]);
  });

  it('can be cancelled until nobody is let in any more', () => {
    const story = Story.serving();
    story.world.submit(story.container, 'STOP');
    story.steps(isKind('TAKE_OPERATION'));
    story.world.cancel(story.container);
    expect(story.steps()).toEqual(['COMPLETE_OPERATION']);
    expect(running(story)).toHaveLength(1);

    story.world.submit(story.container, 'STOP');
    story.steps(isKind('BEGIN_STOP'));
    story.world.cancel(story.container);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'OPERATION_CANCELLED', 'OK']);
    expect(running(story)).toEqual([]);
  });

  it('fails where the host does not answer, and is done when it does', () => {
    const story = Story.serving(1);
    const host = story.container.state.instances[0]?.host ?? '';
    story.world.submit(story.container, 'STOP');
    story.steps(isKind('BEGIN_STOP'));
    story.world.down.add(host);
    story.steps(isKind('COMPLETE_OPERATION'));
    expect(story.outcomes()).toEqual(['OK', 'HOST_UNREACHABLE']);
    expect(story.world.gpuLeases.size).toBe(1);

    story.world.down.delete(host);
    expect(story.steps()).toEqual(['STOP_CONTAINER', 'FREE_DEVICES', 'SET_ROLE']);
    expect([running(story), story.world.gpuLeases.size]).toEqual([[], 0]);
  });

  it('gives way to a Delete', () => {
    const story = Story.serving();
    story.world.submit(story.container, 'STOP');
    story.steps(isKind('BEGIN_STOP'));
    story.world.submit(story.container, 'DELETE');
    story.steps(isKind('REMOVE_RECORDS'));
    expect(story.outcomes()).toEqual(['OK', 'OPERATION_CANCELLED', 'OK']);
    expect(story.world.docker).toEqual([]);
  });

  it('is no death of a watched revision, which is watched anew from its Start', () => {
    const story = new Story([], 60_000);
    story.world.deploy(story.container, 'WELL', 'AUTO', 0);
    story.steps();
    story.world.deploy(story.container, 'WELL', 'AUTO', 0);
    story.steps(isKind('COMPLETE_OPERATION'));
    const [docker] = running(story);
    if (docker) story.world.exit(docker, 1);
    story.world.submit(story.container, 'STOP');
    story.steps(isKind('BEGIN_STOP'));
    expect(story.steps()).not.toContain('REVERT');
    story.world.now += 600_000;
    expect(story.steps()).toEqual([]);

    story.world.submit(story.container, 'START');
    story.steps(isKind('COMPLETE_OPERATION'));
    const { watch } = story.container.state;
    expect(watch).toMatchObject({ revisionId: story.active, death: null });
    expect(story.world.now - (watch?.since ?? 0)).toBeLessThan(1_000);
    story.steps();
    expect(story.container.state).toMatchObject({ watch: null, stableRevisionId: story.active });
  });

  it('keeps what the next Start starts, however few retained instances are kept', () => {
    const story = stoppedStory();
    const view = story.world.view(story.container);
    const none = { ...view, policy: { ...view.policy, retainedInstances: 0 } };
    expect(plan(none).kind).toBe('WAIT');
    expect(plan({ ...none, state: { ...view.state, stopped: undefined } })).toMatchObject({ role: 'DISCARDED' });
  });
});

describe('Start', () => {
  it('starts the kept instance, and is done when it serves', () => {
    const story = stoppedStory(1);
    const [before] = story.world.docker;
    story.world.submit(story.container, 'START');
    const steps = ['PLACE_INSTANCE', 'START_CONTAINER', 'PROBE_INSTANCE', 'SWITCH_REVISION', 'COMPLETE_OPERATION'];
    expect(story.steps()).toEqual(['TAKE_OPERATION', ...steps]);
    expect(running(story)).toMatchObject([{ dockerId: before?.dockerId }]);
    expect(story.container.route).toMatchObject({ state: 'SERVING', targets: [{}] });
    expect(story.container.state.stopped).toBeUndefined();
  });

  it('creates another one where its GPUs are taken, and keeps the first', () => {
    const story = stoppedStory(1);
    const [first] = story.container.state.instances;
    asAnother(story, ({ world }, other) => world.deploy(other, 'WELL', 'AUTO', 2));
    story.world.submit(story.container, 'START');
    expect(story.steps()).toContain('CREATE_CONTAINER');
    const [second] = story.container.state.instances.filter(({ role }) => role === 'SERVING');
    expect([first?.host, second?.host]).toEqual(['h1', 'h2']);
    expect(noteOf(story)).toContain(`without the files of instance ${first?.id}, which stays on h1`);
    for (let count = 0; count < 3; count += 1) {
      story.world.deploy(story.container, 'EXITS', 'START_FIRST', 0);
      story.steps();
    }
    expect(story.container.state.instances).toContainEqual(
      expect.objectContaining({ id: first?.id, role: 'RETAINED' }),
    );
    for (let count = 0; count < 3; count += 1) {
      story.world.deploy(story.container, 'WELL', 'START_FIRST', 0);
      story.steps();
    }
    expect(story.container.state.instances.map(({ id }) => id)).not.toContain(first?.id);
  });

  it('keeps the first however often another one is tried in its place', () => {
    const story = stoppedStory(1);
    const [before] = story.world.docker;
    asAnother(story, ({ world }, other) => world.deploy(other, 'WELL', 'AUTO', 2));
    story.world.submit(story.container, 'START');
    story.steps(isKind('START_CONTAINER'));
    story.world.cancel(story.container);
    story.steps();
    asAnother(story, ({ world }, other) => world.submit(other, 'STOP'));
    story.world.submit(story.container, 'START');
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'OK', 'OPERATION_CANCELLED', 'OK']);
    expect(running(story)).toMatchObject([{ dockerId: before?.dockerId }]);
  });

  it('starts what was stopped last, and no other that is left of its revision', () => {
    const story = Story.serving();
    const { world, container } = story;
    const first = story.active;
    world.deploy(container, 'WELL', 'START_FIRST', 0);
    story.steps();
    world.foreignPorts.add(portOf(world.docker[0] ?? { host: '', port: null }));
    world.submit(container, 'ROLLBACK', { revisionId: first });
    story.steps();
    const [served] = running(story);
    world.submit(container, 'STOP');
    story.steps();
    world.sick.add(served?.identity.instanceId ?? '');
    world.submit(container, 'START');
    story.steps();
    expect(story.outcomes().at(-1)).toBe('HEALTH_DEADLINE');
    world.sick.clear();
    world.submit(container, 'START');
    story.steps();
    expect(running(story)).toMatchObject([{ dockerId: served?.dockerId }]);
  });

  it.each(['fails', 'is cancelled'])('keeps it where its host goes while it is started, and that %s', (how) => {
    const story = stoppedStory(1);
    const [before] = story.world.docker;
    story.world.submit(story.container, 'START');
    story.steps(isKind('PLACE_INSTANCE'));
    story.world.down.add(hostOf(story));
    if (how === 'is cancelled') story.world.cancel(story.container);
    story.steps(isKind('COMPLETE_OPERATION'));
    expect(story.outcomes().at(-1)).toBe(how === 'fails' ? 'HOST_UNREACHABLE' : 'OPERATION_CANCELLED');
    story.world.down.clear();
    story.steps();
    expect([story.world.docker.length, story.world.gpuLeases.size, isStopped(story)]).toEqual([1, 0, true]);
    story.world.submit(story.container, 'START');
    story.steps();
    expect(running(story)).toMatchObject([{ dockerId: before?.dockerId }]);
  });

  it('waits for the host of what is kept, and does without it in the end', () => {
    const story = stoppedStory();
    const [before] = story.world.docker;
    story.world.down.add(hostOf(story));
    story.world.submit(story.container, 'START');
    story.steps(isKind('TAKE_OPERATION'));
    expect(takeStep(story.world, story.container)).toMatchObject({
      kind: 'WAIT',
      reason: expect.stringContaining('h1, where the stopped instance is, cannot be reached'),
    });
    story.world.down.clear();
    story.steps();
    expect(running(story)).toMatchObject([{ dockerId: before?.dockerId }]);

    story.world.submit(story.container, 'STOP');
    story.steps();
    story.world.down.add(hostOf(story));
    story.world.submit(story.container, 'START');
    story.steps(isKind('COMPLETE_OPERATION'));
    expect(running(story)).toMatchObject([{ host: 'h2' }]);
    expect(noteOf(story)).toMatch(
      /^the instance was created anew, without the files of instance i3, which stays on h1 until .*: host h1, where one is kept, cannot be reached$/,
    );
  });

  it('starts another one where something else has its port, and says so', () => {
    const story = stoppedStory(1);
    const [before] = story.world.docker;
    if (before) story.world.foreignPorts.add(portOf(before));
    story.world.submit(story.container, 'START');
    const steps = story.steps();
    expect(steps).not.toContain('REMOVE_CONTAINER');
    expect(running(story)).toHaveLength(1);
    expect(noteOf(story)).toMatch(
      /created anew, without .*: the kept one cannot be started: port \d+ is in use by something else/,
    );
    expect(story.world.docker).toContain(before);
  });

  it('waits for its GPUs where there are no others', () => {
    const story = stoppedStory(2);
    const [before] = story.world.docker;
    asAnother(story, ({ world }, other) => world.deploy(other, 'WELL', 'AUTO', 2));
    story.world.submit(story.container, 'START');
    story.steps(isKind('PLACE_INSTANCE'));
    expect(story.container.state.rollout?.blocked?.message).toContain('GPU');
    asAnother(story, ({ world }, other) => world.submit(other, 'STOP'));
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'OK', 'OK']);
    expect(running(story)).toMatchObject([{ dockerId: before?.dockerId }]);
  });

  it('leaves it stopped where it fails or is cancelled', () => {
    const story = stoppedStory();
    const [instance] = story.container.state.instances;
    story.world.sick.add(instance?.id ?? '');
    story.world.submit(story.container, 'START');
    story.steps();
    expect(story.outcomes().at(-1)).toBe('HEALTH_DEADLINE');
    story.world.submit(story.container, 'START');
    story.steps(isKind('START_CONTAINER'));
    story.world.cancel(story.container);
    story.steps();
    expect(story.outcomes().at(-1)).toBe('OPERATION_CANCELLED');
    expect(isStopped(story)).toBe(true);
    expect([running(story), story.world.portLeases.size]).toEqual([[], 0]);

    story.world.sick.clear();
    story.world.submit(story.container, 'START');
    story.steps();
    expect(running(story)).toHaveLength(1);
  });

  it('takes back what has not been stopped yet', () => {
    const story = Story.serving();
    const host = story.container.state.instances[0]?.host ?? '';
    story.world.submit(story.container, 'STOP');
    story.steps(isKind('BEGIN_STOP'));
    story.world.down.add(host);
    story.steps(isKind('COMPLETE_OPERATION'));
    story.world.down.delete(host);
    story.world.submit(story.container, 'START');
    expect(story.steps()).toContain('RECALL_INSTANCE');
    expect(running(story)).toHaveLength(1);
  });

  it('changes nothing of what is not stopped, and needs something to start', () => {
    const story = Story.serving();
    story.world.submit(story.container, 'START');
    expect(story.steps()).toEqual(['TAKE_OPERATION', 'COMPLETE_OPERATION']);
    const empty = new Story();
    empty.world.submit(empty.container, 'START');
    empty.steps();
    expect([...story.outcomes(), ...empty.outcomes()]).toEqual(['OK', 'OK', 'NOTHING_DEPLOYED']);
  });
});

describe('a stopped container', () => {
  it('serves what is deployed, and stays stopped where that fails', () => {
    const story = stoppedStory();
    const first = story.active;
    story.world.deploy(story.container, 'EXITS', 'STOP_FIRST', 0);
    story.steps();
    expect([isStopped(story), story.active]).toEqual([true, first]);
    story.world.deploy(story.container, 'WELL', 'STOP_FIRST', 0);
    story.steps();
    expect(story.outcomes().slice(2)).toEqual(['INSTANCE_EXITED', 'OK']);
    expect(story.container.state.stopped).toBeUndefined();
    expect(running(story)).toHaveLength(1);
    expect(story.roles()).toContain(`RETAINED ${first}`);
  });

  it('serves another revision that it is rolled back to, and stays stopped by a rollback to its own', () => {
    const story = Story.serving();
    const first = story.active;
    story.world.deploy(story.container, 'WELL', 'AUTO', 0);
    story.world.submit(story.container, 'STOP');
    story.steps();
    story.world.submit(story.container, 'ROLLBACK', { revisionId: story.active });
    expect(story.steps()).toEqual(['TAKE_OPERATION', 'COMPLETE_OPERATION']);
    expect(isStopped(story)).toBe(true);
    story.world.submit(story.container, 'ROLLBACK', { revisionId: first });
    story.steps();
    expect(running(story).map(({ identity }) => identity.revisionId)).toEqual([first]);
    expect(story.container.state.stopped).toBeUndefined();
  });
});
