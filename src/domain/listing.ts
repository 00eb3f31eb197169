import { checkText, type Found, readInteger } from './checks.js';
import type { ContainerRecord, ContainerStatus } from './container.js';
import { type Condition, parseFilter } from './filter.js';
import { descriptionOf, type Operation } from './operation.js';
import type { Revision, RevisionStatus } from './revision.js';

/** The paging arguments as they came. */
export interface PageDraft {
  readonly pageSize: bigint;
  readonly pageToken: string;
  readonly filter: string;
}

export interface PageRequest {
  readonly size: number;
  readonly token: string;
  readonly conditions: readonly Condition[];
}

/** A field that a list can be filtered by. `values` are all that it can have; without them, any text. */
export interface FilterField<Item> {
  readonly read: (item: Item) => string;
  readonly values?: readonly string[];
}

export type FilterFields<Item> = Readonly<Record<string, FilterField<Item>>>;

const MAX_PAGE_SIZE = 1_000;
const DEFAULT_PAGE_SIZE = 100;

const CONTAINER_STATUSES: readonly ContainerStatus[] = ['CREATING', 'ACTIVE', 'DELETING', 'ERROR'];
const REVISION_STATUSES: readonly RevisionStatus[] = ['CREATING', 'ACTIVE', 'OBSOLETE'];

export const CONTAINER_FIELDS: FilterFields<ContainerRecord> = {
  id: { read: (container) => container.id },
  name: { read: (container) => container.name },
  description: { read: (container) => container.description },
  status: { read: (container) => container.status, values: CONTAINER_STATUSES },
};

export const REVISION_FIELDS: FilterFields<Revision> = {
  id: { read: (revision) => revision.id },
  container_id: { read: (revision) => revision.containerId },
  description: { read: (revision) => revision.description },
  status: { read: (revision) => revision.status, values: REVISION_STATUSES },
};

export const OPERATION_FIELDS: FilterFields<Operation> = {
  id: { read: (operation) => operation.id },
  description: { read: descriptionOf },
  created_by: { read: (operation) => operation.createdBy },
  done: { read: (operation) => String(operation.state === 'DONE'), values: ['true', 'false'] },
};

/** Reads size, token and filter; says what is wrong with each. Whether the token belongs here is for who made it to tell. */
export function readPage<Item>(found: Found, draft: PageDraft, fields: FilterFields<Item>): PageRequest {
  const size = readInteger(found, 'page_size', draft.pageSize, 0, MAX_PAGE_SIZE);
  checkText(found, 'page_token', draft.pageToken, { max: 100 });
  return {
    size: size || DEFAULT_PAGE_SIZE,
    token: draft.pageToken,
    conditions: readFilter(found, draft.filter, fields),
  };
}

function readFilter<Item>(found: Found, filter: string, fields: FilterFields<Item>): readonly Condition[] {
  const before = found.length;
  checkText(found, 'filter', filter, { max: 1_000 });
  if (found.length > before) return [];
  const conditions = parseFilter(filter);
  if ('fault' in conditions) {
    found.push({ field: 'filter', description: conditions.fault });
    return [];
  }
  for (const condition of conditions) checkCondition(found, condition, fields);
  return conditions;
}

function checkCondition<Item>(found: Found, { field, value }: Condition, fields: FilterFields<Item>): void {
  const known = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (known === undefined) {
    const names = Object.keys(fields).join(', ');
    found.push({ field: 'filter', description: `"${field.slice(0, 64)}" is not a field to filter by; use ${names}` });
  } else if (known.values !== undefined && !known.values.includes(value)) {
    found.push({ field: 'filter', description: `${field} is one of ${known.values.join(', ')}` });
  }
}

/** Whether `item` meets all conditions. */
export function matches<Item>(item: Item, conditions: readonly Condition[], fields: FilterFields<Item>): boolean {
  return conditions.every(({ field, equal, value }) => (fields[field]?.read(item) === value) === equal);
}

/** The value that `field` must have; null where the conditions leave it open. It chooses an index, and all conditions are checked all the same. */
export function required(conditions: readonly Condition[], field: string): string | null {
  return conditions.find((condition) => condition.field === field && condition.equal)?.value ?? null;
}
