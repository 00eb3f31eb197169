import { z } from 'zod';
import type { KeyFamily } from './keys.js';
import type { ContainerIndex, ListQuery, OperationIndex, Page, RevisionIndex } from './records.js';
import { guarded } from './redis-faults.js';
import type { ScriptRunner } from './script-runner.js';
import type { ViewName } from './views.js';

/** Family and parts of a key. */
type IndexName = readonly [KeyFamily, ...string[]];

export function containerIndexes(index: ContainerIndex): readonly IndexName[] {
  switch (index.by) {
    case 'FOLDER':
      return [['containers-by-folder', index.folderId]];
    case 'NAME':
      return [['containers-by-name', index.folderId, index.name]];
    case 'STATUS':
      return [['containers-by-status', index.folderId, index.status]];
  }
}

const DEPLOYED = ['ACTIVE', 'OBSOLETE'] as const;

export function revisionIndexes(index: RevisionIndex): readonly IndexName[] {
  const statuses = index.status === undefined ? DEPLOYED : [index.status];
  return statuses.map((status) =>
    index.by === 'FOLDER'
      ? ['revisions-by-folder-status', index.folderId, status]
      : ['revisions-by-container-status', index.containerId, status],
  );
}

export function operationIndexes(index: OperationIndex): readonly IndexName[] {
  const [unfinished, finished]: readonly [IndexName, IndexName] =
    index.by === 'FOLDER'
      ? [
          ['operations-by-folder', index.folderId, '0'],
          ['operations-by-folder', index.folderId, '1'],
        ]
      : [
          ['journal', index.containerId],
          ['operations-by-container', index.containerId],
        ];
  if (index.done === undefined) return [unfinished, finished];
  return [index.done ? finished : unfinished];
}

export interface PageSource<T> {
  readonly indexes: readonly IndexName[];
  readonly view: ViewName;
  readonly decode: (id: string, text: string) => T;
}

/**
 * Reads a page, newest first. Positions are sequence numbers, which are given out once and never change, so a page goes on where the last one
 * ended whatever was added or removed meanwhile.
 */
export async function readPage<T>(
  scripts: ScriptRunner,
  { indexes, view, decode }: PageSource<T>,
  { after, limit }: Pick<ListQuery<unknown>, 'after' | 'limit'>,
): Promise<Page<T>> {
  const from = after === null ? {} : { after: position.parse(after) };
  const [more, ...entries] = pageReply.parse(await guarded(scripts.run('page', { indexes, view, limit, ...from })));
  const items: T[] = [];
  const positions: string[] = [];
  for (let at = 0; at + 2 < entries.length; at += 3) {
    const [id = '', where = '', text = ''] = entries.slice(at, at + 3);
    if (text === '') continue;
    items.push(decode(id, text));
    positions.push(where);
  }
  return { items, positions, next: more === 1 ? (positions.at(-1) ?? null) : null };
}

const position = z.string().regex(/^\d{1,16}$/);
const pageReply = z.tuple([z.number()], z.string());
