import { BY_HAND } from './by-hand.js';
import { ENGINE_FAULTS } from './engines.js';
import type { FaultKind } from './fault.js';
import { freeze, kill } from './processes.js';
import { REDIS_FAULTS } from './redis.js';

const ROLES = ['api', 'worker', 'ingress'] as const;

/** Every kind of fault there is. */
export const FAULT_KINDS: readonly FaultKind[] = [
  ...ROLES.map(kill),
  ...ROLES.map(freeze),
  ...REDIS_FAULTS,
  ...ENGINE_FAULTS,
  ...BY_HAND,
];
