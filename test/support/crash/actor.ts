import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiOperation } from './api.js';
import type { Expected } from './checker.js';
import { idsByLabel } from './docker-view.js';
import type { Action, Behaviour, Scenario } from './scenarios.js';
import type { Stage } from './stage.js';

/** On a machine with too much to do, what ends takes a while. */
const PATIENCE_SECONDS = 40;

/** Plays the actions of scenarios on one container, as a caller of the API, and remembers what it caused. */
export class Actor {
  private containerId = '';
  private readonly revisions = new Map<string, string>();
  private readonly submitted: string[] = [];
  private firstOfActions = 0;
  private dockerId: string | null = null;
  private host: string | null = null;
  private description = '';
  private bindings: readonly string[] = [];
  private readonly keyed: boolean;
  private patienceSeconds: number;

  constructor(
    private readonly stage: Stage,
    {
      keyed = false,
      patienceSeconds = PATIENCE_SECONDS,
    }: { readonly keyed?: boolean; readonly patienceSeconds?: number } = {},
  ) {
    this.keyed = keyed;
    this.patienceSeconds = patienceSeconds;
  }

  get container(): string {
    return this.containerId;
  }

  /** All operations, those of the set-up too. */
  get operations(): readonly string[] {
    return this.submitted;
  }

  private get pulledImage(): string {
    const { pulledImage } = this.stage;
    if (pulledImage === null) throw new Error('this stage has no registry');
    return pulledImage;
  }

  async setUp({ setup }: Scenario): Promise<void> {
    // However little patience there is with what follows.
    const { patienceSeconds } = this;
    this.patienceSeconds = PATIENCE_SECONDS;
    await this.play(setup);
    this.patienceSeconds = patienceSeconds;
    for (const id of this.submitted) {
      const { done } = await this.stage.api.operation(id);
      if (!done) throw new Error(`operation ${id} of the set-up did not end`);
    }
    const [running] = this.containerId === '' ? [] : await this.running();
    this.dockerId = running?.id ?? null;
    this.host = running?.host ?? null;
  }

  async act({ actions, goesBack }: Scenario): Promise<void> {
    this.firstOfActions = this.submitted.length;
    await this.play(actions);
    if (goesBack) await this.wentBack();
    await Promise.all(this.submitted.slice(this.firstOfActions).map((id) => this.ended(id)));
  }

  expected({ results, active, stopped, silent, deleted, inPlace, elsewhere }: Scenario): Expected {
    const mine = this.submitted.slice(this.firstOfActions);
    return {
      containerId: this.containerId,
      operations: mine.map((id, index) => ({ id, results: [results[index] ?? 'OK'] })),
      activeRevisionId: active === null ? null : (this.revisions.get(active) ?? 'unknown'),
      stopped: stopped ?? false,
      answers: silent ? null : active,
      deleted: deleted ?? false,
      dockerId: inPlace ? this.dockerId : null,
      leftHost: elsewhere ? this.host : null,
      submitted: this.stage.submitted,
      description: this.description,
      bindings: this.bindings,
    };
  }

  async play(actions: readonly Action[]): Promise<void> {
    for (const action of actions) await this.one(action);
  }

  private async one(action: Action): Promise<void> {
    switch (action.do) {
      case 'CREATE': {
        const operation = await this.submit('Create', {
          folder_id: FOLDER,
          name: `crash-${randomBytes(6).toString('hex')}`,
        });
        this.containerId = this.stage.api.subject(operation);
        return this.ended(operation.id);
      }
      case 'UPDATE': {
        const { description } = action;
        const update_mask = { paths: ['description'] };
        const operation = await this.submit('Update', { container_id: this.containerId, update_mask, description });
        this.description = description;
        return this.ended(operation.id);
      }
      case 'BIND': {
        const access_bindings = [{ role_id: action.role, subject: { id: 'allUsers', type: 'system' } }];
        const request = { resource_id: this.containerId, access_bindings };
        const operation = await this.submit('SetAccessBindings', request);
        this.bindings = [`${action.role} of allUsers`];
        return this.ended(operation.id);
      }
      case 'DEPLOY':
        return this.deploy(action);
      case 'ROLLBACK': {
        const revision_id = this.revisions.get(action.to);
        const operation = await this.submit('Rollback', { container_id: this.containerId, revision_id });
        return this.ended(operation.id);
      }
      case 'STOP':
        return this.ended((await this.submit('Stop', { container_id: this.containerId })).id);
      case 'START':
        return this.ended((await this.submit('Start', { container_id: this.containerId })).id);
      case 'DELETE':
        return this.ended((await this.submit('Delete', { container_id: this.containerId })).id);
      case 'CANCEL': {
        const operation_id = this.submitted.at(-1);
        while ((await this.stage.api.change('Cancel', { operation_id }, this.key())) === null);
        return;
      }
      case 'KILL':
        if (action.revision !== undefined) await this.serves(action.revision);
        for (const { engine, id } of await this.running(action.revision)) await engine.docker('kill', id);
        return;
      case 'LEAVE':
        return this.stage.leave();
      case 'FORGET_IMAGES':
        await Promise.all(
          this.stage.engines.map((engine) =>
            engine.docker('rmi', '--force', this.pulledImage).catch((error: unknown) => {
              if (!String(error).includes('No such image')) throw error;
            }),
          ),
        );
    }
  }

  private async deploy(action: Extract<Action, { do: 'DEPLOY' }>): Promise<void> {
    const image_url = action.pulled ? this.pulledImage : 'longshore/busybox:latest';
    const request = { container_id: this.containerId, ...specOf(action, image_url) };
    const known = Object.keys(await this.ports());
    const operation = await this.submit('DeployRevision', request);
    this.revisions.set(action.revision, this.stage.api.subject(operation));
    if (action.until === 'STARTED') return this.started(operation.id);
    if (action.portTaken) await this.takePort(known, operation.id);
    return this.ended(operation.id);
  }

  /**
   * What a caller does when no answer comes: with a key, the same again; without one, a look at what became of it first, and the same again if
   * nothing did.
   */
  private async submit(method: string, request: object): Promise<ApiOperation> {
    const { api, submitted } = this.stage;
    const key = this.key();
    for (;;) {
      const operation = (await api.change(method, request, key)) ?? (key === null ? await this.unnoticed() : undefined);
      if (operation === undefined) continue;
      this.submitted.push(operation.id);
      submitted.add(operation.id);
      return operation;
    }
  }

  private async unnoticed(): Promise<ApiOperation | undefined> {
    const found = await this.stage.api.operations(FOLDER);
    return found.find(({ id }) => !this.stage.submitted.has(id));
  }

  private readonly key = (): string | null => (this.keyed ? randomBytes(8).toString('hex') : null);

  private ports(): Promise<Readonly<Record<string, string>>> {
    return this.stage.redis.hgetall('{longshore}:ports');
  }

  /** Something else listens on the port that the deploy is given, before its instance does. */
  private async takePort(known: readonly string[], operationId: string): Promise<void> {
    for (;;) {
      const leased = Object.keys(await this.ports()).find((name) => !known.includes(name));
      if (leased !== undefined) return this.stage.occupy(Number(leased.slice(leased.indexOf('/') + 1)));
      if ((await this.stage.api.operation(operationId)).done) throw new Error('no port was leased');
    }
  }

  /** Or the patience is over: that it did not end is for the checker to say. */
  private async ended(id: string): Promise<void> {
    await this.stage.api.wait(id, this.patienceSeconds);
  }

  /** Its deploy may take longer than anybody waits for an operation: what does not run yet cannot be killed. */
  private async serves(revision: string): Promise<void> {
    const end = performance.now() + this.patienceSeconds * 1000;
    while (performance.now() < end) {
      const container = await this.stage.api.container(this.containerId);
      if (container?.active_revision_id === this.revisions.get(revision)) return;
      await delay(25);
    }
  }

  /** Until there is an operation that nobody submitted, which counts as one of ours from then on; that there is none, or another, is for the checker to say. */
  private async wentBack(): Promise<void> {
    const end = performance.now() + this.patienceSeconds * 1000;
    while (performance.now() < end) {
      const operation = await this.unnoticed();
      if (operation?.created_by === 'longshore' && this.stage.api.subject(operation) === this.containerId) {
        this.submitted.push(operation.id);
        this.stage.submitted.add(operation.id);
        return;
      }
      await delay(25);
    }
  }

  /** Until an instance of the deploy was seen to run, or it ended. */
  private async started(id: string): Promise<void> {
    const revision = [...this.revisions.values()].at(-1);
    for (;;) {
      if ((await this.withLabel(`longshore.revision=${revision}`)).length > 0) return;
      if ((await this.stage.api.operation(id)).done) return;
      await delay(25);
    }
  }

  private running(revision?: string): Promise<readonly Running[]> {
    if (revision !== undefined) return this.withLabel(`longshore.revision=${this.revisions.get(revision)}`);
    return this.withLabel(`longshore.container=${this.containerId}`);
  }

  private async withLabel(label: string): Promise<readonly Running[]> {
    const found = this.stage.sources.engines.map(async (engine) => {
      const ids = await idsByLabel(engine.socketPath, label, { all: false });
      return ids.map((id) => ({ engine, host: engine.host, id }));
    });
    return (await Promise.all(found)).flat();
  }
}

interface Running {
  readonly engine: Stage['sources']['engines'][number];
  readonly host: string;
  readonly id: string;
}

const FOLDER = 'crash';

const SCRIPT: Readonly<Record<Behaviour, string>> = {
  ANSWERS: 'mkdir -p /www && echo "$REVISION" >/www/index.html && exec httpd -f -p "$PORT" -h /www',
  STUBBORN: `trap '' TERM; mkdir -p /www; echo "$REVISION" >/www/index.html; httpd -p "$PORT" -h /www; while :; do sleep 1; done`,
  EXITS: 'echo "it cannot run"; exit 3',
  SILENT: 'exec sleep 3600',
};

function specOf({ revision, behaviour, gpus, runsFor }: Extract<Action, { do: 'DEPLOY' }>, image_url: string): object {
  return {
    image_spec: {
      image_url,
      command: { command: ['/bin/sh', '-c', SCRIPT[behaviour]] },
      environment: { REVISION: revision },
    },
    ...(gpus > 0 && { gpus: { count: gpus } }),
    ...(runsFor !== undefined && { runtime: { process: {} }, minimum_run_time: { nanos: runsFor * 1e6 } }),
  };
}
