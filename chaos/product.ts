import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { treePath } from '../src/paths.js';
import { PLANTS, type PlantName, type ScriptPlant } from './plants.js';

/**
 * The built service, copied, so that a build during the run changes nothing. Returns the arguments with which Node starts
 * one process of it.
 */
export async function copyProduct(dir: string, plant: PlantName | null): Promise<readonly string[]> {
  const tree = join(dir, 'dist');
  mkdirSync(dir, { recursive: true });
  cpSync(treePath('dist'), tree, { recursive: true });
  symlinkSync(treePath('node_modules'), join(dir, 'node_modules'));
  const planted = plant === null ? null : PLANTS[plant];
  if (planted?.kind === 'SEAM') return [await bundle(dir, tree), planted.seam];
  if (planted?.kind === 'SCRIPT') spoil(join(tree, 'src/store/scripts', planted.file), planted);
  return [join(tree, 'cli.js'), 'serve'];
}

function spoil(file: string, { text, instead }: ScriptPlant): void {
  const script = readFileSync(file, 'utf8');
  if (!script.includes(text)) throw new Error(`${file} has no place for this defect any more`);
  writeFileSync(file, script.replaceAll(text, instead));
}

async function bundle(dir: string, tree: string): Promise<string> {
  const outfile = join(dir, 'planted.cjs');
  await build({
    entryPoints: [treePath('chaos', 'planted.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
    // Optional native parts of a package that is not used over ssh.
    external: ['cpu-features', '*.node'],
    // Stands in src/paths.ts alone: what travels with the code comes from the copy.
    define: { 'import.meta.dirname': JSON.stringify(join(tree, 'src')) },
  });
  return outfile;
}
