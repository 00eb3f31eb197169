import type { PlantName } from './plants.js';

/** What the process that is to die is told, one at a time; each is answered. */
export type ToVictim =
  | {
      readonly kind: 'SERVE';
      readonly env: Readonly<Record<string, string>>;
      /** Shorter than the configuration allows: a test waits for each lease of a worker that died. */
      readonly leaseTtlMs: number;
      readonly logFile: string;
      /** Of the engines' daemons, to let them hang. */
      readonly enginePids: readonly number[];
      readonly plant: PlantName | null;
    }
  | { readonly kind: 'ARM'; readonly target: string | null }
  /** End as at a SIGTERM. Answered with the points, since nobody can ask for them afterwards. */
  | { readonly kind: 'LEAVE' }
  | { readonly kind: 'POINTS' };

export type FromVictim = { readonly kind: 'DONE' } | { readonly kind: 'POINTS'; readonly points: readonly string[] };
