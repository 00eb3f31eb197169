import { setTimeout as delay } from 'node:timers/promises';
import type { EngineDriver } from '../../../src/engine/driver.js';
import type { ScriptArguments, ScriptName, ScriptRunner } from '../../../src/store/script-runner.js';

/** For a request to get from this process into the engine's socket. */
const SENDING_MS = 20;

/**
 * The places at which a worker may die: before each script and each call to an engine, and after it, before its reply is used; and while a call
 * is on its way to an engine that hangs, which carries it out when it wakes, after its sender is gone. They come from the two seams of
 * the service, so a script or a call that is added to it is a new point by itself.
 *
 * A point is named by what is called, for which kind of key, and how often that was called since `arm`: `script:save(container)#3 after`.
 */
export class CrashPoints {
  private counts = new Map<string, number>();
  private passed: string[] = [];
  private target: string | null = null;
  private armed = false;

  constructor(
    private readonly die: () => Promise<never>,
    /** Lets the engines hang. */
    private readonly freeze: () => void,
  ) {}

  /** Counting begins anew. Whoever comes to `target` dies; null only records. */
  arm(target: string | null): void {
    this.counts = new Map();
    this.passed = [];
    this.target = target;
    this.armed = true;
  }

  /** Since `arm`, in order. */
  reached(): readonly string[] {
    return this.passed;
  }

  private async around<T>(what: string, call: () => Promise<T>): Promise<T> {
    if (!this.armed) return call();
    const count = (this.counts.get(what) ?? 0) + 1;
    this.counts.set(what, count);
    await this.pass(`${what}#${count} before`);
    if (what.startsWith('engine:')) await this.pass(`${what}#${count} during`, () => this.send(call));
    try {
      return await call();
    } finally {
      await this.pass(`${what}#${count} after`);
    }
  }

  private async pass(point: string, lastDeed = async () => {}): Promise<void> {
    this.passed.push(point);
    if (point !== this.target) return;
    await lastDeed();
    await this.die();
  }

  private async send(call: () => Promise<unknown>): Promise<void> {
    this.freeze();
    call().catch(() => {});
    await delay(SENDING_MS);
  }

  readonly wrapScripts = (runner: ScriptRunner): ScriptRunner => ({
    run: (name: ScriptName, args: ScriptArguments) =>
      this.around(`script:${name}${kindOfKey(args['key'])}`, () => runner.run(name, args)),
  });

  readonly wrapDriver = (driver: EngineDriver): EngineDriver =>
    new Proxy(driver, {
      get: (target, name, receiver) => {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== 'function' || typeof name !== 'string') return member;
        // A stream has no reply; what it yields is a hint that may be lost at any time.
        if (name === 'events') return member.bind(target);
        return (...args: unknown[]): unknown =>
          this.around(`engine:${name}${kindOfFilter(name, args)}`, async () => Reflect.apply(member, target, args));
      },
    });
}

function kindOfKey(key: unknown): string {
  return typeof key === 'string' ? `(${key.slice(0, key.indexOf('/'))})` : '';
}

function kindOfFilter(name: string, [filter]: unknown[]): string {
  if (name !== 'list') return '';
  return typeof filter === 'object' && filter !== null && 'containerId' in filter ? '(container)' : '(host)';
}
