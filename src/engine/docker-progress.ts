import { member, numberOf, textOf } from './docker-json.js';

export interface PullBytes {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** Sums the downloads of a pull's layers from the lines that the engine sends. Neither figure ever falls. */
export interface PullProgress {
  /** Takes one line; the new sums, or null where they did not change. */
  add(line: unknown): PullBytes | null;
}

export function pullProgress(): PullProgress {
  const layers = new Map<string, { done: number; total: number }>();
  let last: PullBytes = { bytesDone: 0, bytesTotal: 0 };
  return {
    add(line) {
      const id = textOf(member(line, 'id'));
      const layer = layers.get(id) ?? { done: 0, total: 0 };
      const status = textOf(member(line, 'status'));
      if (status === 'Downloading') {
        // A download that is tried again begins at 0.
        layer.total = Math.max(layer.total, numberOf(member(line, 'progressDetail', 'total')));
        layer.done = Math.max(layer.done, numberOf(member(line, 'progressDetail', 'current')));
        layer.total = Math.max(layer.total, layer.done);
      } else if (/^(Download complete|Extracting|Pull complete|Verifying Checksum)$/.test(status))
        layer.done = layer.total;
      else return null;
      layers.set(id, layer);
      const sums = { bytesDone: 0, bytesTotal: 0 };
      for (const { done, total } of layers.values()) {
        sums.bytesDone += done;
        sums.bytesTotal += total;
      }
      if (sums.bytesDone === last.bytesDone && sums.bytesTotal === last.bytesTotal) return null;
      last = sums;
      return sums;
    },
  };
}
