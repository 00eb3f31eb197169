import type { Step } from '../../../src/reconciler/step.js';
import { takeStep } from './apply.js';
import { type Mishap, type SimContainer, World } from './world.js';

/** A world with one container of interest, in which time passes by itself while the plan waits. Revisions are watched only where the story is about that. */
export class Story {
  readonly world: World;
  readonly container: SimContainer;

  constructor(mishaps: Mishap[] = [], watchWindowMs = 0) {
    this.world = new World(mishaps);
    this.world.watchWindowMs = watchWindowMs;
    const container = this.world.containers.get('c1');
    if (!container) throw new Error('the world has no container');
    this.container = container;
  }

  /** One in which r1 serves, with that many GPUs. */
  static serving(gpus = 0): Story {
    const story = new Story();
    story.world.deploy(story.container, 'WELL', 'AUTO', gpus);
    story.steps();
    return story;
  }

  /** The kinds of the steps taken until nothing is left to do, or until `stop` says so; waits left out. */
  steps(stop: (step: Step) => boolean = () => false): string[] {
    const kinds: string[] = [];
    for (let count = 0; count < 500; count += 1) {
      const step = takeStep(this.world, this.container);
      if (step.kind !== 'WAIT') kinds.push(step.kind);
      if (stop(step) || (step.kind === 'WAIT' && step.until === null)) return kinds;
      if (step.kind === 'WAIT' && step.until !== null) this.world.now = Math.max(this.world.now, step.until);
      this.world.applied = this.container.route?.version ?? 0;
    }
    throw new Error(`did not come to rest: ${kinds.slice(-20).join(' ')}`);
  }

  /** OK or the failure's reason, of each operation. */
  outcomes(): string[] {
    return this.container.operations.map(({ result }) => {
      if (result === null) return 'NOT DONE';
      return result.kind === 'ERROR' ? result.failure.reason : 'OK';
    });
  }

  /** Role and revision of each instance. */
  roles(): string[] {
    return this.container.state.instances.map(({ role, revisionId }) => `${role} ${revisionId}`);
  }

  get active(): string | null {
    return this.container.state.activeRevisionId;
  }
}

export const isKind =
  (kind: Step['kind']) =>
  (step: Step): boolean =>
    step.kind === kind;
