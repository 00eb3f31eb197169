import { z } from 'zod';
import { RECORD_FORMAT, tooNew, undamaged } from './stored.js';
import type { KnownTrouble } from './work.js';

/** As lib/trouble.lua writes it. */
const stored = z
  .tuple([z.int(), z.number(), z.number(), z.number(), z.number(), z.number(), z.number(), z.string(), z.string()])
  .rest(z.unknown());

/** `now` is Redis time. */
export function decodeTrouble(text: string, now: number): KnownTrouble {
  return undamaged('the trouble of a key', () => {
    const [format, count, deaths, since, lastAt, parkedAt, noted, , reason] = stored.parse(JSON.parse(text));
    if (format > RECORD_FORMAT) throw tooNew('the trouble of a key', format);
    return {
      count,
      deaths,
      since,
      reason,
      parkedAt: parkedAt === 0 ? null : parkedAt,
      noted: noted === 1,
      agoMs: Math.max(0, now - lastAt),
    };
  });
}
