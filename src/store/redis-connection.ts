import { type ChainableCommander, type Redis } from 'ioredis';
import { type DomainError, unavailable } from '../domain/errors.js';
import { isRefusedSelect } from './redis-client.js';

/** Within this time every call of the store is answered or fails. */
export const CALL_BUDGET_MS = 900;
const RETRY_DELAY_MS = 20;

/** Faults of Redis that pass, as opposed to faults of a script. */
const PASSING =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|OOM|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|UNBLOCKED|MOVED|ASK)\b/;

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
    const what = refusalIn(this.cause)?.what ?? 'Redis does not answer';
    return unavailable('STORE_UNAVAILABLE', `${what}: ${this.message}`, { cause: this });
  }
}

export interface RedisConnection {
  /** Runs an action that may safely run twice: it is repeated after a lost connection while its time lasts. Rejects with StoreFault or with the action's error. */
  call<T>(action: (client: Redis) => Promise<T>): Promise<T>;
  /** How many connections have been made so far, one after another. */
  number(): number;
  close(): Promise<void>;
}

export function createRedisConnection(client: Redis, budgetMs = CALL_BUDGET_MS): RedisConnection {
  // Every call that waits for the connection listens for it.
  client.setMaxListeners(0);
  const refusal = watchRefusal(client);
  const sendTogether = createSender(client);
  let connections = 0;
  client.on('ready', () => {
    connections += 1;
  });
  return {
    call: async (action) => {
      const deadline = performance.now() + budgetMs;
      let unanswered = false;
      for (;;) {
        let sent = false;
        try {
          if (client.status !== 'ready') await ready(client, deadline, refusal);
          sent = true;
          sendTogether();
          return await within(action(client), deadline);
        } catch (error) {
          if (isFaultOfScript(error)) throw error;
          unanswered ||= sent && !isReply(error);
          const over = client.status === 'end' || performance.now() + RETRY_DELAY_MS > deadline;
          if (isReply(error) || over) throw new StoreFault(unanswered, { cause: error });
          await pause(RETRY_DELAY_MS);
        }
      }
    },
    number: () => connections,
    close: () => closeClient(client),
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

function isFaultOfScript(error: unknown): boolean {
  return isReply(error) && !PASSING.test(error.message);
}

/** Redis answered, though with an error. */
function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Redis is there and does not let us in. Holds its words alone: the error that they came in carries the password that was sent. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly what: string,
    words: string,
  ) {
    super(words);
  }
}

function refusalIn(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (!(error instanceof Error)) return null;
  if (/^(WRONGPASS|NOAUTH|NOPERM)\b/.test(error.message))
    return new Refusal('Redis refuses our credentials', error.message);
  if (isRefusedSelect(error)) return new Refusal('Redis refuses the database that REDIS_URL names', error.message);
  return null;
}

/** Why Redis lets the client not in, while that is so. */
function watchRefusal(client: Redis): () => Refusal | null {
  let refusal: Refusal | null = null;
  let leaving = false;
  client.on('error', (error: Error) => {
    // Whatever else fails on a connection that was refused says less.
    if (leaving) return;
    refusal = refusalIn(error);
    leaving = refusal !== null;
  });
  client.on('close', () => {
    leaving = false;
  });
  client.on('ready', () => {
    refusal = null;
  });
  return () => refusal;
}

/** Resolves once the client is connected; rejects at the deadline. */
function ready(client: Redis, deadline: number, refusal: () => Refusal | null): Promise<void> {
  if (client.status === 'ready') return Promise.resolve();
  if (client.status === 'end') return Promise.reject(new Error('the connection was closed'));
  let connected = () => undefined as void;
  const connection = new Promise<void>((resolve) => {
    connected = resolve;
    client.once('ready', connected);
  });
  return within(connection, deadline, () => refusal() ?? new Error('not connected')).finally(() =>
    client.off('ready', connected),
  );
}

function within<T>(
  promise: Promise<T>,
  deadline: number,
  otherwise = () => new Error('no answer in time'),
): Promise<T> {
  return new Promise((resolve, reject) => {
    // A process that was held up finds the timer over and the answer waiting in its socket: the answer is read first.
    const timer = setTimeout(() => setImmediate(() => reject(otherwise())), deadline - performance.now());
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Says goodbye if that is possible, and drops the connection otherwise. */
export async function closeClient(client: Redis): Promise<void> {
  if (client.status === 'ready') await within(client.quit(), performance.now() + 500).catch(() => undefined);
  client.disconnect();
}

/** Replies of a pipeline, in order; rejects with the first error among them. */
export async function replies(pipeline: ChainableCommander): Promise<readonly unknown[]> {
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
