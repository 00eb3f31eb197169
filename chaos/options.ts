import { parseArgs } from 'node:util';
import { isPlant, PLANT_NAMES, type PlantName } from './plants.js';

export interface Options {
  /** Decides what is asked for and which faults come; not how long things take. */
  readonly seed: string;
  /** How long operations and faults come, before all faults are lifted and everything has to settle. */
  readonly seconds: number;
  /** Only these kinds of faults; all of them where it is empty. */
  readonly faults: readonly string[];
  /** A defect that is put into the product, to see that it is found. */
  readonly plant: PlantName | null;
  /** Where the evidence of violations goes; it is deleted when there are none. */
  readonly evidence: string;
  /** Ends as soon as something is wrong. */
  readonly firstOnly: boolean;
}

const USAGE = 'usage: npm run chaos -- [--seed N] [--minutes M | --seconds S] [--faults KIND,KIND...] [--plant NAME]';

/** Throws an Error with a text for the person who called. */
export function readOptions(args: readonly string[], evidence: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '3' },
      seconds: { type: 'string' },
      faults: { type: 'string', default: '' },
      plant: { type: 'string' },
      evidence: { type: 'string', default: evidence },
      'first-only': { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds ?? Number(values.minutes) * 60);
  if (!(seconds > 0)) throw new Error(USAGE);
  const plant = values.plant ?? null;
  if (plant !== null && !isPlant(plant)) throw new Error(`there is no plant ${plant}, only: ${PLANT_NAMES.join(', ')}`);
  return {
    seed: values.seed,
    seconds,
    faults: values.faults.split(',').filter(Boolean),
    plant,
    evidence: values.evidence,
    firstOnly: values['first-only'],
  };
}
