import { isKind, Story } from '../../support/reconciler/story.js';
import { PORTS, portOf } from '../../support/reconciler/world.js';

describe('a port that something else has', () => {
  const MOVE = ['REMOVE_CONTAINER', 'MOVE_PORT', 'CREATE_CONTAINER', 'START_CONTAINER', 'PROBE_INSTANCE'];
  const take = (story: Story, instance = story.container.state.instances.at(-1)): void => {
    if (instance) story.world.foreignPorts.add(portOf(instance));
  };
  const takeAll = ({ world }: Story, host: string): void => {
    for (let { first: port } = PORTS; port <= PORTS.last; port += 1) world.foreignPorts.add(`${host}:${port}`);
  };
  const portsRouted = (story: Story) => story.container.route?.targets.map(({ port }) => port);
  const portsUp = ({ world }: Story) => world.docker.filter(({ state }) => state === 'RUNNING').map(({ port }) => port);

  it('is left by a candidate', () => {
    const story = new Story();
    story.world.deploy(story.container, 'WELL', 'AUTO', 1);
    story.steps(isKind('CREATE_CONTAINER'));
    const [before] = story.container.state.instances;
    take(story);
    expect(story.steps()).toEqual(['START_CONTAINER', ...MOVE, 'SWITCH_REVISION', 'COMPLETE_OPERATION']);
    const [after] = story.container.state.instances;
    expect(after).toMatchObject({ id: before?.id, gpuUuids: before?.gpuUuids, avoidPorts: [] });
    expect(after?.port).not.toBe(before?.port);
    expect(portsRouted(story)).toEqual([after?.port]);
    expect(story.world.portLeases.size).toBe(1);
  });

  it('and all others too end the rollout, after a few moves and with nothing left', () => {
    const story = new Story();
    takeAll(story, 'h1');
    story.world.deploy(story.container, 'WELL', 'AUTO', 2);
    const steps = story.steps();
    expect(steps.filter((kind) => kind === 'MOVE_PORT')).toHaveLength(5);
    expect(story.outcomes()).toEqual(['PORT_TAKEN']);
    expect([story.world.docker.length, story.world.gpuLeases.size, story.world.portLeases.size]).toEqual([0, 0, 0]);
    const result = story.container.operations[0]?.result;
    expect(result?.kind === 'ERROR' ? result.failure.message : '').toMatch(/on h1: the ports (\d, ){5}\d are in use/);
  });

  it('is left by a serving instance after some tries in place, and the route does not lead there meanwhile', () => {
    const story = Story.serving(1);
    const [docker] = story.world.docker;
    if (docker) story.world.exit(docker, 1);
    take(story);
    const steps = story.steps(isKind('MOVE_PORT'));
    expect(steps.filter((kind) => kind === 'START_CONTAINER')).toHaveLength(3);
    expect(story.container.route?.targets).toEqual([]);
    expect(story.steps()).toEqual(['CREATE_CONTAINER', 'START_CONTAINER', 'PROBE_INSTANCE', 'PUBLISH_ROUTE']);
    expect(portsRouted(story)).toEqual([story.container.state.instances[0]?.port]);
    expect(story.container.state).toMatchObject({ message: '', instances: [{ avoidPorts: [], failed: null }] });
  });

  it('of a serving instance whose container is gone is taken out of the route before the move', () => {
    const story = Story.serving();
    const [removed] = story.world.docker;
    if (removed) story.world.remove(removed.name);
    take(story);
    const create = ['NOTE_EXIT', 'CREATE_CONTAINER', 'START_CONTAINER'];
    expect(story.steps()).toEqual([...create, 'PUBLISH_ROUTE', ...MOVE, 'PUBLISH_ROUTE']);
    expect(portsRouted(story)).toEqual(portsUp(story));
  });

  it('free again is used again, in place', () => {
    const story = Story.serving();
    const [docker] = story.world.docker;
    if (docker) story.world.exit(docker, 1);
    take(story);
    story.steps(isKind('START_CONTAINER'));
    story.world.foreignPorts.clear();
    expect(story.steps()).not.toContain('MOVE_PORT');
    expect(story.container.state.instances[0]).toMatchObject({ avoidPorts: [], port: docker?.port });
    expect(portsRouted(story)).toEqual([docker?.port]);
  });

  it('is left by a former instance that is to be restored', () => {
    const story = Story.serving(2);
    const [former] = story.container.state.instances;
    story.world.deploy(story.container, 'EXITS', 'AUTO', 2);
    story.steps(isKind('TAKE_DEVICES_BACK'));
    take(story, former);
    expect(story.steps(isKind('COMPLETE_OPERATION'))).toContain('MOVE_PORT');
    expect(story.outcomes()).toEqual(['OK', 'INSTANCE_EXITED']);
    expect(portsRouted(story)).toEqual(portsUp(story));
    expect(portsRouted(story)).not.toEqual([former?.port]);
  });

  it('that a candidate left under stop-first is not what the former instance gets back', () => {
    const story = Story.serving(2);
    const [former] = story.container.state.instances;
    story.world.deploy(story.container, 'EXITS', 'AUTO', 2);
    story.steps(isKind('HAND_OVER_DEVICES'));
    take(story, former);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'INSTANCE_EXITED']);
    expect(story.container.state.instances[0]).toMatchObject({ id: former?.id, role: 'SERVING' });
    expect(portsRouted(story)).toEqual(portsUp(story));
    expect([...story.world.portLeases]).toEqual([[`h1:${portsUp(story)[0]}`, former?.id]]);
  });

  it('that a candidate left is no obstacle to steady state when it takes the devices back', () => {
    const story = Story.serving(2);
    const [former] = story.container.state.instances;
    story.world.deploy(story.container, 'ILL', 'AUTO', 2);
    story.steps(isKind('HAND_OVER_DEVICES'));
    take(story, former);
    story.steps(isKind('PROBE_INSTANCE'));
    story.world.down.add('h1');
    story.steps(isKind('COMPLETE_OPERATION'));
    story.world.down.clear();
    expect(story.steps()).toContain('TAKE_DEVICES_BACK');
    expect(portsRouted(story)).toEqual(portsUp(story));
    expect([...story.world.gpuLeases.values()]).toEqual([former?.id, former?.id]);
  });
});
