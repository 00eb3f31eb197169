/** Defects that are put into the product on purpose, to see that the checker finds what they do. */
export const PLANTS = {
  /** Every script of a worker takes whoever calls it for the holder of the lease. */
  'no-fence-check': { kind: 'SCRIPT' },
  /** Devices are free for others at the switch, while the former instance still runs with them. */
  'early-release': { kind: 'SEAM', seam: 'devices freed before the stop' },
  /** Takes over without a new name, so that late calls of a worker that is gone still find their container. */
  'no-rename': { kind: 'SEAM', seam: 'no rename at a take-over' },
} as const;

export type PlantName = keyof typeof PLANTS;

export const PLANT_NAMES = Object.keys(PLANTS);

export function isPlant(name: string): name is PlantName {
  return Object.hasOwn(PLANTS, name);
}
