import { type Api, CODE, type Refusal, refusalOf } from './api.js';
import type { Random } from './random.js';

/** An RPC that was made, for what its caller is entitled to. */
export interface Call {
  readonly api: string;
  readonly method: string;
  readonly from: number;
  readonly to: number;
  /** A code of gRPC; 0: it succeeded. */
  readonly code: number;
  readonly message: string;
}

export interface NamedApi {
  /** api-1 ... */
  readonly name: string;
  readonly api: Api;
}

/** Calls API processes as callers do who have several addresses: another one, where one does not answer. */
export interface Calls {
  readonly made: readonly Call[];
  /** The reply, or what it was refused with. It is asked again, with the same arguments, until there is one of both. */
  settle<T>(method: string, call: (api: Api) => Promise<T>): Promise<Answer<T>>;
  /** Once, of any of them; null where it does not answer. */
  once<T>(method: string, call: (api: Api) => Promise<T>): Promise<Answer<T> | null>;
}

export type Answer<T> = { readonly reply: T } | { readonly refusal: Refusal };

const AGAIN_MS = 200;
const SILENT: readonly number[] = [CODE.UNAVAILABLE, CODE.DEADLINE_EXCEEDED];

export function createCalls(apis: readonly NamedApi[], random: Random): Calls {
  const made: Call[] = [];
  const once = async <T>(method: string, call: (api: Api) => Promise<T>): Promise<Answer<T> | null> => {
    const { name, api } = random.pick(apis);
    const from = Date.now();
    try {
      const reply = await call(api);
      made.push({ api: name, method, from, to: Date.now(), code: 0, message: '' });
      return { reply };
    } catch (error) {
      const refusal = refusalOf(error);
      made.push({ api: name, method, from, to: Date.now(), ...refusal });
      return SILENT.includes(refusal.code) ? null : { refusal };
    }
  };
  const settle = async <T>(method: string, call: (api: Api) => Promise<T>): Promise<Answer<T>> => {
    for (;;) {
      const answer = await once(method, call);
      if (answer !== null) return answer;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };
  return { made, once, settle };
}
