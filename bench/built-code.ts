import { type ResolveHook, register } from 'node:module';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { treePath } from '../src/paths.js';

/*
 * For `--import`, after tsx: what a program of the benchmark imports from src/ and gen/ comes from dist/, as it is shipped. What tsx makes of a source
 * names every function anew where it is created, which costs some of them more than their work.
 */

const tree = `${pathToFileURL(treePath())}/`;

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const found = await nextResolve(specifier, context);
  const path = found.url.startsWith(tree) ? found.url.slice(tree.length) : '';
  const [, source] = /^((?:src|gen)\/[^?]*)\.ts$/.exec(path) ?? [];
  return source === undefined ? found : { ...found, url: `${tree}dist/${source}.js`, format: 'module' };
};

if (isMainThread) register(import.meta.url);
