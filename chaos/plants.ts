/** Text of a script, below the folder of all, is replaced wherever it stands. */
export interface ScriptPlant {
  readonly kind: 'SCRIPT';
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

/** Defects that are put into the product on purpose, to see that the checker finds what they do. */
export const PLANTS = {
  /** Every script of a worker takes whoever calls it for the holder of the lease. */
  'no-fence-check': {
    kind: 'SCRIPT',
    file: 'lib/lease.lua',
    text: 'if not is_holder(fence, token, last) then',
    instead: 'if false then',
  },
  /** Devices are free for others at the switch, while the former instance still runs with them, and nobody looks before the next start. */
  'early-release': { kind: 'SEAM', seam: 'devices freed before the stop' },
  /** No take-over is known for one, so nothing gets a new name, and late calls of a worker that is gone still find their container. */
  'no-rename': { kind: 'SCRIPT', file: 'take.lua', text: 'tostring(unclean[position])', instead: "'0'" },
} as const satisfies Record<string, ScriptPlant | { readonly kind: 'SEAM'; readonly seam: string }>;

export type PlantName = keyof typeof PLANTS;

export const PLANT_NAMES = Object.keys(PLANTS);

export function isPlant(name: string): name is PlantName {
  return Object.hasOwn(PLANTS, name);
}
