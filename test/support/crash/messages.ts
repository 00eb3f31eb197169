import type { PlantName } from './plants.js';

/** What a worker process is told, one at a time; each is answered. */
export type ToWorker =
  | {
      readonly kind: 'SERVE';
      readonly env: Readonly<Record<string, string>>;
      /** Shorter than the configuration allows: a test waits for each lease of a worker that died. */
      readonly leaseTtlMs: number;
      readonly logFile: string;
      /** Of the engine's daemon, to let it hang. */
      readonly enginePids: readonly number[];
      readonly plant: PlantName | null;
    }
  | { readonly kind: 'ARM'; readonly target: string | null }
  | { readonly kind: 'POINTS' };

export type FromWorker = { readonly kind: 'DONE' } | { readonly kind: 'POINTS'; readonly points: readonly string[] };
