import { setTimeout as delay } from 'node:timers/promises';
import type { Role } from '../member.js';
import type { FaultKind } from './fault.js';

const RECOVERS_MS = 3_000;
/** Longer than a lease lives, and long enough for another worker to have done something of its own by then. */
const SECONDS = [5, 9] as const;
/** How long a start is waited for, and from then on others. */
const START_MS = 3_000;
const OTHERS_MS = 300;
const LOOK_MS = 20;
/** By then an engine has begun what reached it late. */
const BEGUN_MS = 300;

/** One process of each role is hit at a time: another one has to be there that takes over. */
const one = (role: Role) => `one ${role}`;

/** What a process sends to Redis arrives when others have its leases already. */
export const late = (role: Role): FaultKind => ({
  kind: `late-${role}`,
  weight: 1,
  prepare: (stage, random) => {
    const { member, redisLink } = random.pick(stage.of(role));
    return {
      name: `what ${member.name} sends to Redis arrives late`,
      targets: [member.name, one(role)],
      paths: [member.name],
      forMs: 1_000 * random.between(...SECONDS),
      recoversMs: RECOVERS_MS,
      begin: async () => redisLink.set('HELD'),
      lift: async () => redisLink.set('PASS'),
    };
  },
});

/** What a worker asked engines to start is started when it has lost its leases, and another worker has asked for something else. */
export const LATE_START: FaultKind = {
  kind: 'late-start',
  weight: 2,
  prepare: (stage, random) => {
    const { member, engineLinks } = random.pick(stage.of('worker'));
    return {
      name: `what ${member.name} asks engines to start is started late`,
      targets: [member.name, one('worker')],
      paths: [member.name],
      forMs: 1_000 * random.between(...SECONDS),
      recoversMs: RECOVERS_MS,
      begin: async () => {
        for (const link of engineLinks) link.set('STARTS');
        const end = Date.now() + START_MS;
        while (Date.now() < end && !engineLinks.some((link) => link.holdsStart)) await delay(LOOK_MS);
        await delay(OTHERS_MS);
        member.freeze();
      },
      lift: async () => {
        for (const link of engineLinks) link.set('PASS');
        await delay(BEGUN_MS);
        member.thaw();
        await member.ready();
      },
    };
  },
};
