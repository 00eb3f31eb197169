import { isKind, Story } from '../../support/reconciler/story.js';

const ANEW = ['REMOVE_CONTAINER', 'CREATE_CONTAINER', 'START_CONTAINER', 'PROBE_INSTANCE'];

/** In which what served has died. */
function died(): Story {
  const story = Story.serving(1);
  const [docker] = story.world.docker;
  if (docker) story.world.exit(docker, 1);
  return story;
}

const fewStarts = (story: Story) => {
  let starts = 0;
  return story.steps((step) => {
    if (step.kind === 'START_CONTAINER') starts += 1;
    return starts === 8;
  });
};

describe('a start that the engine was killed in before the program began', () => {
  it('is followed by another container within the deploy, with the same devices', () => {
    const story = new Story();
    story.world.killedStarts.push('BEFORE');
    story.world.deploy(story.container, 'WELL', 'AUTO', 1);
    const starts = ['CREATE_CONTAINER', 'START_CONTAINER', 'START_CONTAINER'];
    const before = ['TAKE_OPERATION', 'PLACE_INSTANCE', 'PULL_IMAGE', ...starts];
    expect(story.steps()).toEqual([...before, ...ANEW, 'SWITCH_REVISION', 'COMPLETE_OPERATION']);
    expect(story.outcomes()).toEqual(['OK']);
    expect(story.world.gpuLeases.size).toBe(1);
  });

  it('is followed by another container of a serving instance at once', () => {
    const story = died();
    story.world.killedStarts.push('BEFORE');
    const steps = story.steps();
    expect(steps.filter((kind) => kind !== 'PUBLISH_ROUTE')).toEqual([
      'NOTE_EXIT',
      ...['START_CONTAINER', 'START_CONTAINER'],
      ...ANEW,
    ]);
    expect(story.container.route?.targets).toHaveLength(1);
  });

  it('is still known when the removal fails first', () => {
    const story = died();
    story.world.killedStarts.push('BEFORE');
    story.steps(isKind('START_CONTAINER'));
    story.steps(isKind('START_CONTAINER'));
    story.world.mishaps.push('TRANSIENT');
    expect(story.steps(isKind('CREATE_CONTAINER'))).toEqual([
      'REMOVE_CONTAINER',
      'REMOVE_CONTAINER',
      'CREATE_CONTAINER',
    ]);
  });
});

describe('a start that the engine was killed in after the program began', () => {
  it('leaves a serving instance its container and its devices, until a start shows that the program is gone', () => {
    const story = died();
    story.world.killedStarts.push('AFTER');
    const steps = fewStarts(story);
    expect(steps).not.toContain('REMOVE_CONTAINER');
    const [instance] = story.container.state.instances;
    expect(instance?.unseen).toBe('engine: TRANSIENT');
    expect(story.world.gpuLeases.size).toBe(1);

    story.world.endUnseen();
    expect(story.steps()).toEqual(['START_CONTAINER', 'PROBE_INSTANCE', 'PUBLISH_ROUTE']);
    expect(story.container.state.instances).toMatchObject([{ id: instance?.id, unseen: null, failed: null }]);
  });

  it('is found out by the next start, though the budget was over before anybody could try', () => {
    const story = Story.serving(1);
    story.world.killedStarts.push('AFTER');
    story.world.deploy(story.container, 'WELL', 'STOP_FIRST', 1);
    story.steps(isKind('START_CONTAINER'));
    story.world.now += 600_000;
    expect(story.steps(isKind('START_CONTAINER'))).toEqual(['START_CONTAINER']);
    const candidate = story.container.state.instances.find(({ role }) => role === 'CANDIDATE');
    expect(candidate).toMatchObject({ unseen: 'engine: TRANSIENT', leased: true });
  });

  it('ends a deploy, whose candidate keeps its devices until somebody has ended it and removed its container', () => {
    const story = Story.serving(1);
    story.world.killedStarts.push('AFTER');
    story.world.deploy(story.container, 'WELL', 'AUTO', 1);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'RUNS_UNSEEN']);
    expect(story.container.state.instances).toMatchObject([
      { role: 'SERVING', leased: true },
      {
        role: 'RETAINED',
        leased: true,
        failed: expect.stringMatching(/may run, and keeps its devices: .* docker rm ls-/),
      },
    ]);
    expect(story.world.gpuLeases.size).toBe(2);

    story.world.endUnseen();
    story.steps();
    expect(story.roles()).toEqual([`SERVING ${story.active}`]);
    expect(story.world.gpuLeases.size).toBe(1);
  });

  it('under stop-first gives the former one nothing back before that', () => {
    const story = Story.serving(2);
    story.world.killedStarts.push('AFTER');
    story.world.deploy(story.container, 'WELL', 'STOP_FIRST', 2);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'RUNS_UNSEEN']);
    expect(story.container.state.instances).toMatchObject([
      { role: 'SERVING', leased: false },
      { role: 'RETAINED', leased: true },
    ]);

    story.world.endUnseen();
    story.steps();
    expect(story.container.state.instances).toMatchObject([{ role: 'SERVING', leased: true }]);
    expect(story.container.route?.targets).toHaveLength(1);
  });

  it('gets nothing of a later rollout that is undone, whose candidate had other devices', () => {
    const story = Story.serving(2);
    const [before] = story.container.state.instances;
    story.world.killedStarts.push('AFTER');
    story.world.deploy(story.container, 'WELL', 'STOP_FIRST', 2);
    story.steps();
    story.world.deploy(story.container, 'ILL', 'AUTO', 1);
    expect(story.steps()).not.toContain('TAKE_DEVICES_BACK');
    expect(story.outcomes()).toEqual(['OK', 'RUNS_UNSEEN', expect.not.stringMatching(/OK/)]);
    const { id, host, gpuUuids, port } = before ?? {};
    expect(story.container.state.instances[0]).toMatchObject({ id, host, gpuUuids, port, leased: false });

    story.world.endUnseen();
    story.steps();
    expect(story.container.state.instances[0]).toMatchObject({ id, host, gpuUuids, port, leased: true });
    expect(story.world.gpuLeases.size).toBe(2);
  });

  it('fails a Delete, which can be repeated when it is gone', () => {
    const story = died();
    story.world.killedStarts.push('AFTER');
    fewStarts(story);
    story.world.submit(story.container, 'DELETE');
    story.steps();
    const result = story.container.operations.at(-1)?.result;
    const [docker] = story.world.docker;
    expect(result).toMatchObject({ failure: { reason: 'RUNS_UNSEEN', metadata: { host: docker?.host } } });
    expect(JSON.stringify(result)).toContain(`docker rm ${docker?.name}`);
    expect(story.world.gpuLeases.size).toBe(1);

    story.world.endUnseen();
    story.world.submit(story.container, 'DELETE');
    story.steps();
    expect(story.outcomes().at(-1)).toBe('OK');
    expect([story.container.status, story.world.gpuLeases.size]).toEqual(['GONE', 0]);
  });
});
