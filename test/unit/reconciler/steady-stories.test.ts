import { instanceView } from '../../../src/domain/container-view.js';
import { isKind, Story } from '../../support/reconciler/story.js';

describe('steady state', () => {
  it('starts a dead instance in place', () => {
    const story = Story.serving();
    const [docker] = story.world.docker;
    if (docker) story.world.exit(docker, 137);
    expect(story.steps()).toEqual(['NOTE_EXIT', 'START_CONTAINER', 'PROBE_INSTANCE']);
    expect(story.container.state.instances[0]).toMatchObject({ restarts: 1, failed: null });
  });

  it('says that somebody paused it, leaves it so, and finds it healthy again once it goes on', () => {
    const story = Story.serving();
    const [docker] = story.world.docker;
    if (docker === undefined) throw new Error('nothing runs');
    Object.assign(docker, { state: 'PAUSED' });
    expect(story.steps()).toEqual(['NOTE_EXIT', 'PUBLISH_ROUTE']);
    expect(story.container.route?.targets).toEqual([]);
    expect(story.container.state.message).toBe(`the instance on ${docker.host} is paused`);
    expect(story.container.state.instances.map((instance) => instanceView(instance).state)).toEqual(['FAILED']);
    expect(story.steps()).toEqual([]);

    Object.assign(docker, { state: 'RUNNING' });
    expect(story.steps()).toEqual(['START_CONTAINER', 'PROBE_INSTANCE', 'PUBLISH_ROUTE']);
    expect(story.container.state.message).toBe('');
    expect(story.container.state.instances[0]).toMatchObject({ restarts: 0, failed: null });
  });

  it('creates one anew that somebody removed, with the same devices and port', () => {
    const story = Story.serving(1);
    const { gpuUuids, port } = story.container.state.instances[0] ?? {};
    story.world.docker = [];
    expect(story.steps()).toEqual(['NOTE_EXIT', 'CREATE_CONTAINER', 'START_CONTAINER', 'PROBE_INSTANCE']);
    expect(story.world.docker[0]).toMatchObject({ gpuUuids, port });
  });

  it('creates anew what cannot start', () => {
    const story = Story.serving();
    const [docker] = story.world.docker;
    if (docker) story.world.exit(docker, 137);
    story.steps(isKind('NOTE_EXIT'));
    story.world.mishaps.push('PERMANENT');
    expect(story.steps()).toEqual([
      'START_CONTAINER',
      'PUBLISH_ROUTE',
      'REMOVE_CONTAINER',
      'CREATE_CONTAINER',
      'START_CONTAINER',
      'PROBE_INSTANCE',
      'PUBLISH_ROUTE',
    ]);
    expect(story.container.state.message).toBe('');
  });

  it('waits longer before each start of what dies again and again', () => {
    const story = Story.serving();
    const lives: number[] = [];
    for (let life = 0; life < 6; life += 1) {
      const [docker] = story.world.docker;
      if (docker) story.world.exit(docker, 1);
      const diedAt = story.world.now;
      story.steps(isKind('START_CONTAINER'));
      lives.push(Math.round((story.world.now - diedAt) / 1000));
      story.steps();
    }
    expect(lives).toEqual([0, 1, 2, 4, 8, 16]);
  });

  it('keeps the newest retained instances, and that of the last stable revision before others', () => {
    const story = Story.serving();
    const first = story.active;
    for (let count = 0; count < 4; count += 1) {
      story.world.deploy(story.container, count === 0 ? 'WELL' : 'EXITS', 'START_FIRST', 0);
      story.steps();
    }
    const retained = story.container.state.instances.filter(({ role }) => role === 'RETAINED');
    expect(retained.map(({ revisionId }) => revisionId === first)).toEqual([true, false]);
  });
});

describe('a host that is gone for good', () => {
  const hostsOf = ({ container }: Story) => container.state.instances.map(({ host }) => host);

  it('is left by what served there, without a word against its revision', () => {
    const story = new Story([], 60_000);
    story.world.deploy(story.container, 'WELL', 'AUTO', 1);
    story.steps();
    story.world.deploy(story.container, 'WELL', 'START_FIRST', 1);
    story.steps(isKind('COMPLETE_OPERATION'));
    const served = story.active;
    story.world.burn('h1');
    const steps = story.steps();
    expect(steps.filter((kind) => kind === 'MOVE_INSTANCE')).toHaveLength(1);
    expect(steps).not.toContain('REVERT');
    expect(hostsOf(story)).toEqual(['h2']);
    expect([...story.world.gpuLeases.keys()]).toEqual(['g3']);
    expect(story.active).toBe(served);
    expect(story.container.route?.targets).toHaveLength(1);
  });

  it('is no obstacle to a Delete', () => {
    const story = Story.serving(2);
    story.world.burn('h1');
    story.world.submit(story.container, 'DELETE');
    story.steps(isKind('REMOVE_RECORDS'));
    expect(story.container.status).toBe('GONE');
    expect([story.world.gpuLeases.size, story.world.portLeases.size]).toEqual([0, 0]);
  });

  it('ends the deploy that was to run there, and nothing of it is left', () => {
    const story = new Story();
    story.world.deploy(story.container, 'WELL', 'AUTO', 2);
    story.steps(isKind('PLACE_INSTANCE'));
    story.world.burn('h1');
    story.steps();
    expect(story.outcomes()).toEqual(['HOST_UNREACHABLE']);
    expect(hostsOf(story)).toEqual([]);
    expect([story.world.gpuLeases.size, story.world.portLeases.size]).toEqual([0, 0]);
  });
});

describe('a take-over after a crash', () => {
  it('renames before anything else, so that late calls miss', () => {
    const story = Story.serving();
    const name = story.world.docker[0]?.name ?? '';
    story.world.takeOver(story.container, false);
    story.world.late.push(() => story.world.stop(name));
    expect(story.steps()).toEqual(['RENAME_CONTAINER']);
    story.world.calm();
    expect(story.world.docker[0]?.state).toBe('RUNNING');
  });

  it('removes a create that ran late', () => {
    const story = new Story([null, null, null, null, null, 'HANG']);
    story.world.deploy(story.container, 'WELL', 'AUTO', 0);
    story.steps();
    expect(story.world.late).toHaveLength(1);
    story.world.calm();
    expect(story.world.docker).toHaveLength(2);
    expect(story.steps()).toEqual(['REMOVE_CONTAINER']);
    expect(story.world.docker.map(({ state }) => state)).toEqual(['RUNNING']);
  });
});
