import { z } from 'zod';
import { createBatches } from './batches.js';
import { StoreFault } from './redis-connection.js';
import type { ScriptArguments, ScriptRunner } from './script-runner.js';

/** Sends one submission (a member of the script's `submissions`), and resolves with its reply. */
export type Submit = (submission: ScriptArguments) => Promise<unknown>;

interface Sent {
  readonly submission: ScriptArguments;
  reply: unknown;
}

/** Some two milliseconds of Redis. */
const MOST_AT_ONCE = 16;

const replies = z.array(z.unknown());

/**
 * What is submitted in one turn of the event loop goes to Redis as one script: under load a quarter of what a submit costs there is the script itself. One
 * whose records are damaged fails a script and all that is in it, so each is sent again alone then: those that were committed get the same reply.
 */
export function createRedisSubmits(scripts: ScriptRunner): Submit {
  const send = async (sent: readonly Sent[]): Promise<void> => {
    const submissions = sent.map(({ submission }) => submission);
    const found = replies.parse(await scripts.run('submit', { submissions }));
    sent.forEach((each, at) => {
      each.reply = found[at];
    });
  };
  const sendTogether = createBatches(MOST_AT_ONCE, send);

  return async (submission) => {
    const sent: Sent = { submission, reply: null };
    try {
      await sendTogether(sent);
    } catch (error) {
      if (error instanceof StoreFault) throw error;
      await send([sent]);
    }
    return sent.reply;
  };
}
