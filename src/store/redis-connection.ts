import { type ChainableCommander, type Redis } from 'ioredis';
import { type DomainError, unavailable } from '../domain/errors.js';
import { closeClient } from './redis-client.js';
import { watchPrimary } from './redis-primary.js';
import { isReply, passingFault, refusalIn } from './redis-refusals.js';
import type { Standing } from './redis-standing.js';
import { within } from './within.js';

/** Within this time every call of the store is answered or fails. */
export const CALL_BUDGET_MS = 900;
const RETRY_DELAY_MS = 20;

/** Redis could not be asked, or did not answer in time. `unanswered`: the command may have run, or may still run. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';
  constructor(
    readonly unanswered: boolean,
    options: { cause: unknown },
  ) {
    super(options.cause instanceof Error ? options.cause.message : String(options.cause), options);
  }

  /** What callers of the store get. */
  toDomainError(): DomainError {
    const { cause } = this;
    const refusal = refusalIn(cause);
    const what = refusal?.what ?? (isReply(cause) ? passingFault(cause.message) : null);
    return unavailable(
      refusal?.replica ? 'REDIS_IS_REPLICA' : 'STORE_UNAVAILABLE',
      `${what ?? 'Redis does not answer'}: ${this.message}`,
      { cause: this },
    );
  }
}

/** What the Redis that is called has said of itself. */
export interface KnownPrimary {
  readonly standing: Standing;
  /** Asks it anew. */
  look(): Promise<Standing>;
}

export interface RedisConnection {
  /**
   * Runs an action that may safely run twice, on a primary: it is repeated after a lost connection while its time lasts. Rejects with StoreFault
   * or with the action's error.
   */
  call<T>(action: (client: Redis, primary: KnownPrimary) => Promise<T>): Promise<T>;
  /** How many connections have been made so far, one after another. */
  number(): number;
  close(): Promise<void>;
}

export function createRedisConnection(client: Redis, budgetMs = CALL_BUDGET_MS): RedisConnection {
  // Every call that waits for the connection listens for it.
  client.setMaxListeners(0);
  const primary = watchPrimary(client);
  const sendTogether = createSender(client);
  return {
    call: async (action) => {
      const deadline = performance.now() + budgetMs;
      let unanswered = false;
      for (;;) {
        let sent = false;
        try {
          const standing = primary.standing() ?? (await primary.ready(deadline));
          sent = true;
          sendTogether();
          return await within(action(client, { standing, look: primary.look }), deadline);
        } catch (error) {
          if (isFaultOfScript(error)) throw error;
          unanswered ||= sent && !isReply(error);
          const over = primary.closed() || performance.now() + RETRY_DELAY_MS > deadline;
          if (isReply(error) || over) throw new StoreFault(unanswered, { cause: error });
          await pause(RETRY_DELAY_MS);
        }
      }
    },
    number: primary.number,
    close: () => {
      primary.close();
      return closeClient(client);
    },
  };
}

/** What is sent in one turn leaves in one piece: a system call for each command costs more than most of them. */
function createSender(client: Redis): () => void {
  let holding = false;
  return () => {
    if (holding) return;
    holding = true;
    const { stream } = client;
    stream.cork();
    process.nextTick(() => {
      holding = false;
      stream.uncork();
    });
  };
}

/** A fault that no repetition mends. */
export const isFaultOfScript = (error: unknown): boolean =>
  isReply(error) && passingFault(error.message) === null && refusalIn(error) === null;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Replies of a pipeline, in order; rejects with the first error among them. */
export async function replies(pipeline: ChainableCommander): Promise<readonly unknown[]> {
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
