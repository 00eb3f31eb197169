/**
 * Seeds with which something was found once; `npm run chaos -- --kept` runs them again. A seed decides what is asked for and which faults
 * come, not how long things take, so none of them is sure to find the same again.
 */
export const KEPT_SEEDS: readonly { readonly seed: string; readonly seconds: number; readonly found: string }[] = [
  { seed: '2', seconds: 60, found: 'an ingress that had been away read no routes while Redis was full' },
];
