import { createWriteStream } from 'node:fs';
import { loadConfig, processSurroundings } from '../../../src/config.js';
import { createLogger } from '../../../src/log.js';
import { type Seams, type Service, serve } from '../../../src/main.js';
import type { FromVictim, ToVictim } from './messages.js';
import { PLANTS } from './plants.js';
import { CrashPoints } from './points.js';

// A process of the service, in the roles of its configuration, that kills itself where it is told to. It has loaded everything when it is
// told what to do, so that what follows a crash is the take-over and not the loading of modules.

const LEAVE_MS = 5_000;
/** Each deploy waits for the heartbeat of an ingress that died. */
const INGRESS = { beatMs: 400, heartbeatTtlMs: 2_000 };

let enginePids: readonly number[] = [];
let service: Service | undefined;

const points = new CrashPoints(
  () => {
    process.kill(process.pid, 'SIGKILL');
    // The signal may take a moment: nothing may happen in it.
    return new Promise<never>(() => {});
  },
  () => {
    for (const pid of enginePids) process.kill(pid, 'SIGSTOP');
  },
);

async function start({ env, leaseTtlMs, logFile, plant }: Extract<ToVictim, { kind: 'SERVE' }>): Promise<void> {
  const { config } = await loadConfig({ ...processSurroundings(), env });
  const log = createLogger({ level: 'debug', out: createWriteStream(logFile, { flags: 'a' }) });
  const planted: Seams = plant === null ? {} : PLANTS[plant];
  service = await serve({ ...config, worker: { ...config.worker, leaseTtlMs } }, log, {
    ingress: INGRESS,
    wrapScripts: (runner) => points.wrapScripts(planted.wrapScripts?.(runner) ?? runner),
    wrapDriver: (driver) => points.wrapDriver(planted.wrapDriver?.(driver) ?? driver),
  });
}

async function obey(message: ToVictim): Promise<FromVictim> {
  switch (message.kind) {
    case 'SERVE':
      enginePids = message.enginePids;
      await start(message);
      return { kind: 'DONE' };
    case 'ARM':
      points.arm(message.target);
      return { kind: 'DONE' };
    case 'LEAVE':
      await service?.stop(LEAVE_MS);
      return { kind: 'POINTS', points: points.reached() };
    case 'POINTS':
      return { kind: 'POINTS', points: points.reached() };
  }
}

process.on('message', (message: ToVictim) => {
  obey(message).then(
    (reply) => process.send?.(reply),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
