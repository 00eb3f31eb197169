import { checkRequired, checkText, entryOf, type Found, refuseIfAny } from './checks.js';
import type { FieldViolation } from './errors.js';

/** Create as it came. */
export interface CreateDraft {
  readonly folderId: string;
  readonly name: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Update as it came. `mask` is null where there was none, or an empty one: everything is replaced. */
export interface UpdateDraft {
  readonly containerId: string;
  readonly mask: readonly string[] | null;
  readonly name: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What an Update sets; a field that is absent stays as it is. */
export interface ContainerUpdate {
  readonly name?: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const MUTABLE = ['name', 'description', 'labels'] as const;
const NAME = /^(|[a-z][-a-z0-9]{1,61}[a-z0-9])$/;
const LABEL_KEY = /^[a-z][-_./\\@0-9a-z]*$/;
const LABEL_VALUE = /^[-_./\\@0-9a-z]*$/;
const FOLDER = /^[a-zA-Z0-9][-_.a-zA-Z0-9]*$/;

export function checkCreate(draft: CreateDraft): void {
  const found: Found = [];
  checkFolderId(found, 'folder_id', draft.folderId);
  checkName(found, draft.name);
  checkDescription(found, draft.description);
  checkLabels(found, draft.labels);
  refuseIfAny(found);
}

/** Only what the mask names is looked at, and set. */
export function readUpdate(draft: UpdateDraft): ContainerUpdate {
  const found: Found = [];
  checkContainerId(found, draft.containerId);
  const paths = draft.mask ?? MUTABLE;
  paths.forEach((path, index) => {
    if (!MUTABLE.some((known) => known === path)) found.push(unknownPath(path, index));
  });
  if (paths.includes('name')) checkName(found, draft.name);
  if (paths.includes('description')) checkDescription(found, draft.description);
  if (paths.includes('labels')) checkLabels(found, draft.labels);
  refuseIfAny(found);
  return {
    ...(paths.includes('name') && { name: draft.name }),
    ...(paths.includes('description') && { description: draft.description }),
    ...(paths.includes('labels') && { labels: draft.labels }),
  };
}

function unknownPath(path: string, index: number): FieldViolation {
  const shown = path.length > 64 ? `${path.slice(0, 64)}...` : path;
  return {
    field: `update_mask.paths[${index}]`,
    description: `"${shown}" cannot be updated; use ${MUTABLE.join(', ')}`,
  };
}

/** Ids are opaque to callers, so any short text is well formed; whether the thing exists is another question. */
export function checkId(found: Found, field: string, value: string): void {
  checkRequired(found, field, value);
  checkText(found, field, value, { max: 50 });
}

export function checkContainerId(found: Found, value: string): void {
  checkId(found, 'container_id', value);
}

export function checkFolderId(found: Found, field: string, value: string): void {
  if (value === '') checkRequired(found, field, value);
  else
    checkText(found, field, value, {
      max: 50,
      pattern: FOLDER,
      form: 'must consist of letters, digits, ".", "_" and "-", and start with a letter or a digit',
    });
}

export function checkDescription(found: Found, value: string): void {
  checkText(found, 'description', value, { max: 256 });
}

/** The empty name is allowed: such a container is found by its id only. */
function checkName(found: Found, value: string): void {
  checkText(found, 'name', value, {
    max: 63,
    pattern: NAME,
    form: 'must have 3 to 63 characters of a-z, 0-9 and "-", start with a letter and not end with "-"',
  });
}

function checkLabels(found: Found, labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels);
  if (entries.length > 64) {
    found.push({ field: 'labels', description: `must have at most 64 entries, not ${entries.length}` });
    return;
  }
  for (const [key, value] of entries) {
    const field = entryOf('labels', key);
    checkText(found, field, key, {
      max: 63,
      pattern: LABEL_KEY,
      form: 'a key must have 1 to 63 characters of a-z, 0-9, "-", "_", ".", "/", "\\" and "@", and start with a letter',
    });
    checkText(found, field, value, {
      max: 63,
      pattern: LABEL_VALUE,
      form: 'a value must consist of a-z, 0-9, "-", "_", ".", "/", "\\" and "@"',
    });
  }
}
