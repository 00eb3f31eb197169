/** Every object of ours carries these. All are always set, since a container inherits the labels of its image otherwise. */
export const LABEL = {
  controlPlane: 'longshore.control-plane',
  container: 'longshore.container',
  revision: 'longshore.revision',
  instance: 'longshore.instance',
  ordinal: 'longshore.ordinal',
  generation: 'longshore.generation',
  operation: 'longshore.operation',
  specHash: 'longshore.spec-hash',
  /** UUIDs, separated by commas; empty without GPUs. */
  gpus: 'longshore.gpus',
  /** What its records can be made from again: domain/memo.ts. Nothing secret. */
  memo: 'longshore.memo',
} as const;

/** The bridge network of one control plane on a host. */
export function networkName(controlPlaneId: string): string {
  return `longshore-${controlPlaneId.slice(-12)}`;
}

/** The one volume whose labels tell which control plane an engine belongs to, and as which of its hosts. */
export const OWNER_VOLUME = 'longshore-owner';
export const OWNER_HOST = 'longshore.host';
