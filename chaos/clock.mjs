// Preloaded into each process of the service. Its clock is off by as many ms as the file says that CHAOS_CLOCK names; its monotonic clock is not.
import { readFileSync } from 'node:fs';

const LOOK_MS = 100;

const Right = globalThis.Date;
let offset = 0;
setInterval(() => {
  offset = Number(readFileSync(process.env.CHAOS_CLOCK ?? '', 'utf8')) || 0;
}, LOOK_MS).unref();

const now = () => Right.now() + offset;

globalThis.Date = new Proxy(Right, {
  construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [now()] : args, made),
  apply: () => new Right(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
