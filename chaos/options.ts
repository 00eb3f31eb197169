import { parseArgs } from 'node:util';
import { FAULT_KINDS } from './faults/kinds.js';
import { KEPT_SEEDS } from './kept-seeds.js';
import { isPlant, PLANT_NAMES, type PlantName } from './plants.js';
import { isSlots, SLOTS, type SlotsName } from './requests.js';

export interface Options {
  /** Decides what is asked for and which faults come; not how long things take. */
  readonly seed: string;
  /** How long operations and faults come, before all faults are lifted and everything has to settle. */
  readonly seconds: number;
  /** Only these kinds of faults; all of them where it is empty. */
  readonly faults: readonly string[];
  /** Which callers there are. */
  readonly callers: SlotsName;
  /** A defect that is put into the product, to see that it is found. */
  readonly plant: PlantName | null;
  /** Where the logs of the last run and all that helps to find a cause go. */
  readonly evidence: string;
  /** How long nothing may go forward before it is wrong, when all faults have been lifted. */
  readonly settleSeconds: number;
  /** Runs the seeds with which something was found once, instead of the one. */
  readonly kept: boolean;
  /** Ends as soon as something is wrong. */
  readonly firstOnly: boolean;
}

const USAGE =
  'usage: npm run chaos -- [--seed N | --kept] [--minutes M | --seconds S] [--faults KIND,KIND...] [--callers mixed|scarce] [--plant NAME] [--settle S] [--first-only]';

/** The same, for each of the seeds with which something was found once. */
export function keptRuns(options: Options): readonly Options[] {
  return KEPT_SEEDS.map(({ seed, seconds }) => ({ ...options, seed, seconds }));
}

/** Throws an Error with a text for the person who called. */
export function readOptions(args: readonly string[], evidence: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '3' },
      seconds: { type: 'string' },
      faults: { type: 'string', default: '' },
      callers: { type: 'string', default: 'mixed' },
      plant: { type: 'string' },
      evidence: { type: 'string', default: evidence },
      settle: { type: 'string', default: '60' },
      kept: { type: 'boolean', default: false },
      'first-only': { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds ?? Number(values.minutes) * 60);
  if (!(seconds > 0)) throw new Error(USAGE);
  const faults = values.faults.split(',').filter(Boolean);
  const unknown = faults.filter((name) => !FAULT_KINDS.some(({ kind }) => kind === name));
  if (unknown.length > 0)
    throw new Error(`there is no fault ${unknown.join()}, only: ${FAULT_KINDS.map(({ kind }) => kind).join(', ')}`);
  const { callers } = values;
  if (!isSlots(callers)) throw new Error(`there are no callers ${callers}, only: ${Object.keys(SLOTS).join(', ')}`);
  const plant = values.plant ?? null;
  if (plant !== null && !isPlant(plant)) throw new Error(`there is no plant ${plant}, only: ${PLANT_NAMES.join(', ')}`);
  return {
    seed: values.seed,
    seconds,
    faults,
    callers,
    plant,
    evidence: values.evidence,
    settleSeconds: Number(values.settle),
    kept: values.kept,
    firstOnly: values['first-only'],
  };
}
