/**
 * Seeds with which something was found once; `npm run chaos -- --kept` runs them again. A seed decides what is asked for and which faults
 * come, not how long things take, so none of them is sure to find the same again.
 */
export const KEPT_SEEDS: readonly { readonly seed: string; readonly seconds: number; readonly found: string }[] = [
  { seed: '2', seconds: 180, found: 'an ingress that had been away read no routes while Redis was full' },
  { seed: '3', seconds: 180, found: 'what an engine was starting when it was killed kept the GPU of what never ran' },
  { seed: '6', seconds: 180, found: 'work was given up whose workers had died of faults, one after another' },
];
