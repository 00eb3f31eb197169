import { containerView } from '../../../src/domain/container-view.js';
import { isRevert } from '../../../src/domain/operation.js';
import { isKind, Story } from '../../support/reconciler/story.js';
import type { Mishap } from '../../support/reconciler/world.js';

const WINDOW_MS = 60_000;
const RUN = ['RUNNING', 'EXITED'];

/** A story in which r1 is the stable revision and r2 was switched to just now. */
function deployedTwice(mishaps: Mishap[] = [], gpus = 0): Story & { readonly stable: string } {
  const story = new Story(mishaps, WINDOW_MS);
  story.world.deploy(story.container, 'WELL', 'AUTO', gpus);
  story.steps();
  const stable = story.active ?? '';
  story.world.deploy(story.container, 'WELL', 'AUTO', gpus);
  story.steps(isKind('COMPLETE_OPERATION'));
  return Object.assign(story, { stable });
}

const serving = (story: Story) => {
  const instance = story.container.state.instances.find(({ role }) => role === 'SERVING');
  if (!instance) throw new Error('nothing serves');
  return instance;
};

const dockerOf = (story: Story) => {
  const { id } = serving(story);
  const docker = story.world.docker.find(({ identity, state }) => identity.instanceId === id && RUN.includes(state));
  if (!docker) throw new Error('it has no container');
  return docker;
};

const kill = (story: Story, exitCode = 3): void => story.world.exit(dockerOf(story), exitCode);

const reverts = (story: Story) => story.container.operations.filter(isRevert);

describe('a deployed revision', () => {
  it('is the stable one when it was healthy throughout its watch', () => {
    const story = deployedTwice();
    const { since } = story.container.state.watch ?? { since: 0 };
    expect(story.container.state).toMatchObject({
      stableRevisionId: story.stable,
      watch: { revisionId: story.active },
    });
    story.steps();
    expect(story.container.state).toMatchObject({ stableRevisionId: story.active, watch: null });
    expect(story.world.now - since).toBeGreaterThanOrEqual(WINDOW_MS);
    kill(story);
    expect(story.steps()).toContain('START_CONTAINER');
    expect(reverts(story)).toEqual([]);
  });

  it('is the stable one as well where its watch ended while it was held for another that failed', () => {
    const story = new Story([], WINDOW_MS);
    story.world.deploy(story.container, 'WELL', 'STOP_FIRST', 2);
    story.world.deploy(story.container, 'ILL', 'STOP_FIRST', 2);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'HEALTH_DEADLINE']);
    expect(story.container.state).toMatchObject({ stableRevisionId: story.active, watch: null });
  });

  it.each([
    ['exits', (story: Story) => kill(story), 'exited with code 3'],
    ['is removed by hand', (story: Story) => story.world.remove(dockerOf(story).name), 'was removed by somebody else'],
  ])('that %s within its watch is left for the stable one, by an operation that says why', (_what, happen, why) => {
    const story = deployedTwice();
    const bad = story.active;
    happen(story);
    expect(story.steps(isKind('REVERT')).slice(-2)).toEqual(['NOTE_EXIT', 'REVERT']);
    story.steps();
    expect(story.active).toBe(story.stable);
    expect(reverts(story)).toMatchObject([
      {
        revisionId: story.stable,
        createdBy: 'longshore',
        description: expect.stringMatching(new RegExp(`^from ${bad}: .*${why}, \\d+ s after it began to serve$`)),
        result: { kind: 'EMPTY' },
      },
    ]);
    expect(story.outcomes()).toEqual(['OK', 'OK', 'OK']);
    expect(story.container.state).toMatchObject({ stableRevisionId: story.stable, watch: null, message: '' });
    expect(story.roles().filter((role) => role.startsWith('SERVING'))).toEqual([`SERVING ${story.stable}`]);
  });

  it('that is not healthy for too long within its watch is left for the stable one', () => {
    const story = deployedTwice();
    story.world.sick.add(serving(story).id);
    story.steps();
    expect(story.active).toBe(story.stable);
    expect(reverts(story)[0]?.description).toMatch(/was not healthy for 3\d s on end; last: ill$/);
  });

  it('that is not healthy for a moment stays, and its watch lasts until it is healthy again', () => {
    const story = deployedTwice();
    const bad = story.active;
    const { id } = serving(story);
    story.world.now += WINDOW_MS - 10_000;
    story.world.sick.add(id);
    story.steps((step) => step.kind === 'WAIT' && story.container.state.instances.some(({ fault }) => fault !== null));
    expect(containerView({ ...RECORD, state: story.container.state }, '').statusMessage).toBe('ill');
    story.world.now += 20_000;
    story.world.sick.delete(id);
    story.steps();
    expect([story.active, story.container.state.stableRevisionId]).toEqual([bad, bad]);
    expect(reverts(story)).toEqual([]);
  });

  it('is not judged by a host that cannot be reached, and not proven either', () => {
    const story = deployedTwice();
    const { host, revisionId } = serving(story);
    story.world.down.add(host);
    story.steps((step) => step.kind === 'WAIT' && story.world.now > (story.container.state.watch?.since ?? 0) + 90_000);
    expect(story.container.state.watch).toMatchObject({ revisionId, death: null });
    story.world.down.clear();
    story.steps();
    expect(story.container.state).toMatchObject({ stableRevisionId: revisionId, watch: null });
    expect(reverts(story)).toEqual([]);
  });

  it('that dies goes on being tried where nothing has proved itself yet', () => {
    const story = new Story([], WINDOW_MS);
    story.world.deploy(story.container, 'WELL', 'AUTO', 0);
    story.steps(isKind('COMPLETE_OPERATION'));
    kill(story);
    const diedAt = story.world.now;
    story.steps();
    expect(reverts(story)).toEqual([]);
    expect(story.container.state).toMatchObject({ stableRevisionId: story.active, watch: null });
    expect(story.world.now).toBeGreaterThanOrEqual(diedAt + WINDOW_MS);
  });

  it('with all GPUs is left stop-first', () => {
    const story = deployedTwice([], 2);
    kill(story);
    story.steps();
    expect(story.active).toBe(story.stable);
    expect(story.world.gpuLeases.size).toBe(2);
  });
});

describe('going back', () => {
  it('gives way to an operation that waits when it dies, and is made up for if that one fails', () => {
    const story = deployedTwice();
    kill(story);
    story.world.deploy(story.container, 'NO_IMAGE', 'AUTO', 0);
    story.steps(isKind('COMPLETE_OPERATION'));
    expect(reverts(story)).toEqual([]);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'OK', 'IMAGE_PULL_FAILED', 'OK']);
    expect(story.active).toBe(story.stable);
  });

  it('is not needed any more once that one has succeeded', () => {
    const story = deployedTwice();
    kill(story);
    story.world.deploy(story.container, 'WELL', 'AUTO', 0);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'OK', 'OK']);
    expect(reverts(story)).toEqual([]);
  });

  it('ends where an operation waits before anything was placed', () => {
    const story = deployedTwice();
    kill(story);
    story.steps(isKind('REVERT'));
    story.world.deploy(story.container, 'WELL', 'AUTO', 0);
    story.steps();
    expect(story.outcomes()).toEqual(['OK', 'OK', 'OPERATION_CANCELLED', 'OK']);
    expect(story.active).toBe([...story.container.revisions.keys()].at(-1));
  });

  it('is tried once: where it fails, what died goes on being tried, and is stable when it lives through a whole watch', () => {
    const story = deployedTwice();
    const bad = story.active;
    kill(story);
    story.world.docker = story.world.docker.filter(({ identity }) => identity.revisionId !== story.stable);
    const stable = story.container.revisions.get(story.stable);
    if (stable) {
      const image = { ...stable.spec.image, url: 'NO_IMAGE' };
      story.container.revisions.set(stable.id, { ...stable, spec: { ...stable.spec, image } });
    }
    story.steps(isKind('COMPLETE_OPERATION'));
    expect(story.outcomes()).toEqual(['OK', 'OK', 'IMAGE_PULL_FAILED']);
    story.steps(isKind('PROBE_INSTANCE'));
    kill(story);
    story.steps();
    expect(reverts(story)).toHaveLength(1);
    expect(story.container.state).toMatchObject({ activeRevisionId: bad, stableRevisionId: bad, watch: null });
  });

  it('is not for what somebody rolled back to', () => {
    const story = deployedTwice();
    story.world.submit(story.container, 'ROLLBACK', { revisionId: story.stable });
    story.steps(isKind('COMPLETE_OPERATION'));
    kill(story);
    story.steps();
    expect(story.active).toBe(story.stable);
    expect(reverts(story)).toEqual([]);
  });

  it('is not for what somebody stands by', () => {
    const story = deployedTwice();
    story.world.submit(story.container, 'ROLLBACK', { revisionId: story.active });
    story.steps(isKind('COMPLETE_OPERATION'));
    kill(story);
    const bad = story.active;
    story.steps();
    expect([story.active, story.container.state.stableRevisionId]).toEqual([bad, bad]);
    expect(reverts(story)).toEqual([]);
  });

  it('does not come after a Delete', () => {
    const story = deployedTwice();
    kill(story);
    story.steps(isKind('NOTE_EXIT'));
    story.world.submit(story.container, 'DELETE');
    story.steps();
    expect(story.container.status).toBe('GONE');
    expect(reverts(story)).toEqual([]);
  });

  it('survives a crash at any write', () => {
    const writes = 14;
    for (let at = 0; at < writes; at += 1) {
      for (const mishap of ['CRASH_BEFORE', 'CRASH_AFTER'] as const) {
        const story = deployedTwice();
        story.world.mishaps.push(...Array.from({ length: at }, () => null), mishap);
        kill(story);
        story.steps();
        expect([at, mishap, story.active, reverts(story).length]).toEqual([at, mishap, story.stable, 1]);
      }
    }
  });
});

const RECORD = {
  id: 'c1',
  folderId: 'f',
  createdAt: 0,
  name: '',
  description: '',
  labels: {},
  status: 'ACTIVE',
  version: 1,
} as const;
