import type { Round, RowSpec } from './row.js';
import type { Stage } from './stage.js';

/** Rows that are measured together, since they share what is expensive to set up. A file each in rows/. */
export interface Benchmark {
  /** For `--only`. */
  readonly name: string;
  readonly rows: readonly RowSpec[];
  /** Measures; what the stage started for it is ended by the stage. A row that it does not report was not measured. */
  run(stage: Stage, report: Report): Promise<void>;
}

/** Called once for each row, with all of its rounds. `note` tells what a reader has to know about the figure. */
export type Report = (row: RowSpec, rounds: readonly Round[], note?: string) => void;
