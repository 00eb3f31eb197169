import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiOperation } from './api.js';
import type { Expected } from './checker.js';
import type { Action, Behaviour, Scenario } from './scenarios.js';
import type { Stage } from './stage.js';

/** Plays the actions of scenarios on one container, as a caller of the API, and remembers what it caused. */
export class Actor {
  private containerId = '';
  private readonly revisions = new Map<string, string>();
  private readonly submitted: string[] = [];
  private firstOfActions = 0;
  private dockerId: string | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly patienceSeconds = 40,
  ) {}

  get container(): string {
    return this.containerId;
  }

  /** All operations, those of the set-up too. */
  get operations(): readonly string[] {
    return this.submitted;
  }

  async setUp({ setup }: Scenario): Promise<void> {
    await this.play(setup);
    for (const id of this.submitted) {
      const { done } = await this.stage.api.operation(id);
      if (!done) throw new Error(`operation ${id} of the set-up did not end`);
    }
    if (this.containerId !== '') this.dockerId = (await this.running()) || null;
  }

  async act({ actions }: Scenario): Promise<void> {
    this.firstOfActions = this.submitted.length;
    await this.play(actions);
    await Promise.all(this.submitted.slice(this.firstOfActions).map((id) => this.ended(id)));
  }

  expected({ results, active, deleted, inPlace }: Scenario): Expected {
    const mine = this.submitted.slice(this.firstOfActions);
    return {
      containerId: this.containerId,
      operations: mine.map((id, index) => ({ id, results: [results[index] ?? 'OK'] })),
      activeRevisionId: active === null ? null : (this.revisions.get(active) ?? 'unknown'),
      answers: active,
      deleted: deleted ?? false,
      dockerId: inPlace ? this.dockerId : null,
    };
  }

  async play(actions: readonly Action[]): Promise<void> {
    for (const action of actions) await this.one(action);
  }

  private async one(action: Action): Promise<void> {
    switch (action.do) {
      case 'CREATE': {
        const operation = await this.submit('Create', {
          folder_id: 'crash',
          name: `crash-${randomBytes(6).toString('hex')}`,
        });
        this.containerId = this.stage.api.subject(operation);
        return this.ended(operation.id);
      }
      case 'DEPLOY': {
        const operation = await this.submit('DeployRevision', { container_id: this.containerId, ...specOf(action) });
        this.revisions.set(action.revision, this.stage.api.subject(operation));
        return action.until === 'DONE' ? this.ended(operation.id) : this.started(operation.id);
      }
      case 'ROLLBACK': {
        const revision_id = this.revisions.get(action.to);
        const operation = await this.submit('Rollback', { container_id: this.containerId, revision_id });
        return this.ended(operation.id);
      }
      case 'DELETE':
        return this.ended((await this.submit('Delete', { container_id: this.containerId })).id);
      case 'CANCEL':
        await this.stage.api.change('Cancel', { operation_id: this.submitted.at(-1) });
        return;
      case 'KILL':
        await this.stage.engine.docker('kill', await this.running());
    }
  }

  private async submit(method: string, request: object): Promise<ApiOperation> {
    const operation = await this.stage.api.change(method, request);
    this.submitted.push(operation.id);
    return operation;
  }

  /** Or the patience is over: that it did not end is for the checker to say. */
  private async ended(id: string): Promise<void> {
    await this.stage.api.wait(id, this.patienceSeconds);
  }

  /** Until an instance of the deploy was seen to run, or it ended. */
  private async started(id: string): Promise<void> {
    const revision = [...this.revisions.values()].at(-1);
    const filter = `label=longshore.revision=${revision}`;
    for (;;) {
      if ((await this.stage.engine.docker('ps', '-q', '--filter', filter)) !== '') return;
      if ((await this.stage.api.operation(id)).done) return;
      await delay(25);
    }
  }

  private running(): Promise<string> {
    const filter = `label=longshore.container=${this.containerId}`;
    return this.stage.engine.docker('ps', '-q', '--no-trunc', '--filter', filter);
  }
}

const SCRIPT: Readonly<Record<Behaviour, string>> = {
  ANSWERS: 'mkdir -p /www && echo "$REVISION" >/www/index.html && exec httpd -f -p "$PORT" -h /www',
  STUBBORN: `trap '' TERM; mkdir -p /www; echo "$REVISION" >/www/index.html; httpd -p "$PORT" -h /www; while :; do sleep 1; done`,
  EXITS: 'echo "it cannot run"; exit 3',
  SILENT: 'exec sleep 3600',
};

function specOf({ revision, behaviour, gpus }: Extract<Action, { do: 'DEPLOY' }>): object {
  return {
    image_spec: {
      image_url: 'longshore/busybox:latest',
      command: { command: ['/bin/sh', '-c', SCRIPT[behaviour]] },
      environment: { REVISION: revision },
    },
    ...(gpus > 0 && { gpus: { count: gpus } }),
  };
}
