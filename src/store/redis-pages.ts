import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Fields } from './codec.js';
import type { KeyFamily, Keys } from './keys.js';
import type { ContainerIndex, ListQuery, OperationIndex, Page, RevisionIndex } from './records.js';
import { type RedisConnection, replies } from './redis-connection.js';
import { hash, texts } from './redis-replies.js';

export function containerIndexKey({ key }: Keys, index: ContainerIndex): string {
  switch (index.by) {
    case 'FOLDER':
      return key('containers-by-folder', index.folderId);
    case 'NAME':
      return key('containers-by-name', index.folderId, index.name);
    case 'STATUS':
      return key('containers-by-status', index.folderId, index.status);
  }
}

export function revisionIndexKey({ key }: Keys, index: RevisionIndex): string {
  const [name, owner] =
    index.by === 'FOLDER'
      ? (['revisions-by-folder', index.folderId] as const)
      : (['revisions-by-container', index.containerId] as const);
  return index.status === undefined ? key(name, owner) : key(`${name}-status`, owner, index.status);
}

export function operationIndexKey({ key }: Keys, index: OperationIndex): string {
  const [name, owner] =
    index.by === 'FOLDER'
      ? (['operations-by-folder', index.folderId] as const)
      : (['operations-by-container', index.containerId] as const);
  return index.done === undefined ? key(name, owner) : key(`${name}-done`, owner, index.done ? '1' : '0');
}

interface Entry {
  readonly id: string;
  readonly position: string;
}

/**
 * Reads a page, newest first. Positions are sequence numbers, which are given out once and never change, so a page goes on where the last one
 * ended whatever was added or removed meanwhile.
 */
export async function readPage<T>(
  connection: RedisConnection,
  keys: Keys,
  index: string,
  family: KeyFamily,
  { after, limit }: Pick<ListQuery<unknown>, 'after' | 'limit'>,
  decode: (fields: Fields) => T,
): Promise<Page<T>> {
  const items: T[] = [];
  const positions: string[] = [];
  let from = after;
  for (;;) {
    const wanted = limit - items.length;
    const start = from;
    const entries = await connection.call((client) => readEntries(client, index, start, wanted + 1));
    const page = entries.slice(0, wanted);
    const records = await connection.call((client) => readRecords(client, keys, family, page));
    for (const [at, { position }] of page.entries()) {
      from = position;
      const fields = records[at];
      // Removed between the two readings.
      if (fields === undefined || Object.keys(fields).length === 0) continue;
      items.push(decode(fields));
      positions.push(position);
    }
    if (entries.length <= wanted) return { items, positions, next: null };
    if (items.length === limit) return { items, positions, next: from };
  }
}

async function readEntries(client: Redis, index: string, after: string | null, count: number): Promise<Entry[]> {
  const from =
    after === null
      ? '+inf'
      : `(${z
          .string()
          .regex(/^\d{1,16}$/)
          .parse(after)}`;
  const flat = texts.parse(await client.zrevrangebyscore(index, from, '-inf', 'WITHSCORES', 'LIMIT', 0, count));
  const entries: Entry[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) entries.push({ id: flat[at] ?? '', position: flat[at + 1] ?? '' });
  return entries;
}

async function readRecords(client: Redis, keys: Keys, family: KeyFamily, entries: readonly Entry[]): Promise<Fields[]> {
  if (entries.length === 0) return [];
  const pipeline = client.pipeline();
  for (const { id } of entries) pipeline.hgetall(keys.key(family, id));
  return z.array(hash).parse(await replies(pipeline));
}
