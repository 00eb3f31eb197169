import { type AccessBindings, createAccessBindings } from './access-bindings.js';
import { type Containers, createContainers } from './containers.js';
import type { ServiceDeps } from './deps.js';
import { createOperations, type Operations } from './operations.js';
import { createRevisions, type Revisions } from './revisions.js';

export interface Services {
  readonly containers: Containers;
  readonly revisions: Revisions;
  readonly accessBindings: AccessBindings;
  readonly operations: Operations;
}

export function createServices(deps: ServiceDeps): Services {
  return {
    containers: createContainers(deps),
    revisions: createRevisions(deps),
    accessBindings: createAccessBindings(deps),
    operations: createOperations(deps),
  };
}
