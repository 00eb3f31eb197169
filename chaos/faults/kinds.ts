import { BY_HAND } from './by-hand.js';
import { ENGINE_FAULTS } from './engines.js';
import type { FaultKind } from './fault.js';
import { LATE_START, late } from './late.js';
import { freeze, kill, setClock } from './processes.js';
import { REDIS_FAULTS } from './redis.js';

const ROLES = ['api', 'worker', 'ingress'] as const;

/** Every kind of fault there is. */
export const FAULT_KINDS: readonly FaultKind[] = [
  ...ROLES.map(kill),
  ...ROLES.map(freeze),
  ...ROLES.map(late),
  ...ROLES.map(setClock),
  LATE_START,
  ...REDIS_FAULTS,
  ...ENGINE_FAULTS,
  ...BY_HAND,
];
