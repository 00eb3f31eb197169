import type { Fields } from './codec.js';
import type { KeyFamily } from './keys.js';

interface HashView {
  readonly family: KeyFamily;
  /** The first is there in every record. The last may have several lines, no other has: callers choose some of these texts. */
  readonly fields: readonly string[];
}

/** What is read of records that are hashes: scripts answer with the fields, a line each, as one text is cheaper to take apart than many replies. */
export const VIEWS = {
  container: {
    family: 'container',
    fields: ['v', 'id', 'folderId', 'createdAt', 'name', 'status', 'version', 'labels', 'state', 'description'],
  },
  bindings: { family: 'container', fields: ['v', 'id', 'version', 'bindings'] },
  revision: {
    family: 'revision',
    fields: ['v', 'id', 'containerId', 'folderId', 'createdAt', 'status', 'spec', 'image', 'description'],
  },
  idempotency: { family: 'idempotency', fields: ['operationId', 'requestHash'] },
} satisfies Readonly<Record<string, HashView>>;

export type HashViewName = keyof typeof VIEWS;
/** What can be read: of a hash the fields of a view, and an operation as it is stored. */
export type ViewName = HashViewName | 'operation';

/** The fields of a text that scripts/lib/texts.lua made. */
export function fieldsOfText(view: HashViewName, text: string): Fields {
  const names: readonly string[] = VIEWS[view].fields;
  const lines = text.split('\n');
  const last = names.length - 1;
  if (lines.length > names.length) lines[last] = lines.slice(last).join('\n');
  const fields: Record<string, string> = {};
  // Not entries(): its pairs take twice as much as the fields, on the way of most reads.
  names.forEach((name, at) => {
    fields[name] = lines[at] ?? '';
  });
  return fields;
}
