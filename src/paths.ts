import { join } from 'node:path';

/**
 * The tree that this file runs in: the repository under tsx and Jest, `dist` when built (the build lays out the same tree
 * there). Files that travel with the code are found from it, so that the service may be started from any directory and
 * through any link.
 *
 * This is the only use of import.meta: ESM and tsx know it, and @swc/jest turns it into __dirname for CommonJS.
 */
const tree = join(import.meta.dirname, '..');

/** Absolute path of a file that travels with the code, named from the root of the repository. */
export function treePath(...segments: string[]): string {
  return join(tree, ...segments);
}
