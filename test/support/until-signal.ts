import { createLogger } from '../../src/log.js';
import { runUntilSignal } from '../../src/run-until-signal.js';

/*
 * A process that runs until a signal, with a service whose `stop` never ends or ends at once: `until-signal.ts hangs|ends DEADLINE-MS`.
 * It prints `running`, then how long the service was given to drain.
 */

const [manner, deadline = ''] = process.argv.slice(2);

void runUntilSignal({
  start: () => {
    process.stdout.write('running\n');
    setInterval(() => {}, 60_000); // an event loop with nothing in it would end by itself
    return Promise.resolve({
      stop: (drainMs) => {
        process.stdout.write(`drains for ${Math.round(drainMs)}\n`);
        return manner === 'hangs' ? new Promise<void>(() => {}) : Promise.resolve();
      },
    });
  },
  stopDeadlineMs: Number(deadline),
  log: createLogger({ level: 'info' }),
}).then((code) => process.exit(code));
