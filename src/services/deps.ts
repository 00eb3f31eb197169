import type { IdKind } from '../domain/ids.js';
import type { Records } from '../store/records.js';
import type { OperationWatch } from '../store/work.js';
import type { Authorizer } from './authorizer.js';

/** What the services are made from; each takes the part that it needs. */
export interface ServiceDeps {
  readonly records: Records;
  readonly watch: OperationWatch;
  readonly authorizer: Authorizer;
  /** Where a container's active revision is called; the same from every process. */
  readonly urlOf: (containerId: string) => string;
  readonly newId: (kind: IdKind) => string;
  /** Milliseconds since the epoch, on the clock of `Call.deadline`. */
  readonly clock: () => number;
}
