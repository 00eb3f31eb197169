import type { Page } from '../store/records.js';

/** One page as a service returns it; `next` is the position to continue behind, null at the end. */
export interface ListedPage<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export interface PageSource<Item> {
  readonly fetch: (after: string | null, limit: number) => Promise<Page<Item>>;
  readonly after: string | null;
  readonly size: number;
  readonly keep: (item: Item) => boolean;
  readonly signal: AbortSignal;
}

/** How many records one call looks at, whatever the filter: what a call costs is bounded, and the token leads on. */
const MAX_LOOKED_AT = 1_000;
/** Records of the largest kind are some 200 KiB, so one reading stays moderate. */
const MAX_BATCH = 100;
/** A reply has to fit the 4 MiB that gRPC clients accept; JSON is a little larger than the wire. */
const MAX_BYTES = 3 * 1_048_576;

/** Fills a page with the items that are kept. It may be short, even empty, and still lead on. */
export async function listPage<Item>({
  fetch,
  after,
  size,
  keep,
  signal,
}: PageSource<Item>): Promise<ListedPage<Item>> {
  const items: Item[] = [];
  let position = after;
  let bytes = 0;
  let looked = 0;
  let batch = Math.min(size, MAX_BATCH);
  while (looked < MAX_LOOKED_AT) {
    signal.throwIfAborted();
    const page = await fetch(position, Math.min(batch, MAX_LOOKED_AT - looked));
    for (const [index, item] of page.items.entries()) {
      if (keep(item)) {
        bytes += Buffer.byteLength(JSON.stringify(item));
        if (items.length > 0 && bytes > MAX_BYTES) return { items, next: position };
        items.push(item);
      }
      position = page.positions[index] ?? position;
      looked += 1;
      const last = index === page.items.length - 1 && page.next === null;
      if (items.length === size) return { items, next: last ? null : position };
    }
    if (page.next === null) return { items, next: null };
    position = page.next;
    batch = Math.min(batch * 2, MAX_BATCH);
  }
  return { items, next: position };
}
