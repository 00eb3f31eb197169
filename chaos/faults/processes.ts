import type { Role } from '../member.js';
import type { FaultKind } from './fault.js';

const AWAY_MS = 500;
/** Connections of callers to it are gone, and they find out by and by. */
const RECOVERS_MS = 1_000;

/** A process of the service dies at once, and is started again. */
export const kill = (role: Role): FaultKind => ({
  kind: `kill-${role}`,
  weight: 2,
  prepare: (stage, random) => {
    const { member } = random.pick(stage.of(role));
    return {
      name: `kill ${member.name}`,
      targets: [member.name],
      paths: [member.name],
      forMs: AWAY_MS,
      recoversMs: RECOVERS_MS,
      begin: () => member.kill(),
      lift: () => member.start(),
    };
  },
});

const DAY_MS = 86_400_000;

/** The clock of a process is set wrong, and then right again: in the way of nothing. */
export const setClock = (role: Role): FaultKind => ({
  kind: `clock-${role}`,
  weight: 1,
  prepare: (stage, random) => {
    const { member } = random.pick(stage.of(role));
    const days = random.pick([-1, -1 / 24, 1 / 24, 1]);
    return {
      name: `set the clock of ${member.name} ${days < 0 ? 'back' : 'forward'}`,
      targets: [`the clock of ${member.name}`],
      paths: [],
      forMs: random.between(2_000, 8_000),
      recoversMs: 0,
      begin: async () => member.setClock(days * DAY_MS),
      lift: async () => member.setClock(0),
    };
  },
});

/** A process of the service is stopped for longer than its lease lives, and then goes on as if nothing had been. */
export const freeze = (role: Role): FaultKind => ({
  kind: `freeze-${role}`,
  weight: 2,
  prepare: (stage, random) => {
    const { member } = random.pick(stage.of(role));
    return {
      name: `freeze ${member.name}`,
      targets: [member.name],
      paths: [member.name],
      forMs: random.between(4_000, 8_000),
      recoversMs: RECOVERS_MS,
      begin: async () => member.freeze(),
      lift: async () => {
        member.thaw();
        await member.ready();
      },
    };
  },
});
