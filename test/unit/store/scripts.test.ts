import { readdirSync, readFileSync } from 'node:fs';
import { treePath } from '../../../src/paths.js';
import { KEY_FAMILIES } from '../../../src/store/keys.js';
import { SCRIPT_NAMES } from '../../../src/store/script-runner.js';
import { headerOf } from '../../support/script-contract.js';

const folder = treePath('src', 'store', 'scripts');
const luaFiles = (path: string) => readdirSync(path).filter((name) => name.endsWith('.lua'));

test('the list of scripts is the folder', () => {
  expect(luaFiles(folder).sort()).toEqual(SCRIPT_NAMES.map((name) => `${name}.lua`).sort());
});

test.each(SCRIPT_NAMES)('%s declares its keys, arguments, replies and errors', (name) => {
  const header = headerOf(name);
  for (const part of ['KEYS    1 root', 'ARGV    1 {', 'Returns ', 'Errors  '].map((text) => text.replace(/ +/g, ' +')))
    expect(header).toMatch(new RegExp(`^-- ${part}`.replaceAll('{', '\\{'), 'm'));
});

const sources = [folder, `${folder}/lib`].flatMap((path) =>
  luaFiles(path).map((name) => [name, readFileSync(`${path}/${name}`, 'utf8')] as const),
);

test.each(sources)('%s builds no key but those of the one builder', (_name, source) => {
  const used = [...source.matchAll(/\bkey\('([a-z-]+)'([^()]*(?:\([^()]*\))?[^()]*)\)/g)];
  const wrong = used.filter(([, family = '', rest = '']) => {
    const parts = rest.split(',').length - 1;
    return !Object.entries(KEY_FAMILIES).some(([known, count]) => known === family && count === parts);
  });
  expect(wrong.map(([call]) => call)).toEqual([]);
  expect(source).not.toMatch(/KEYS\[/);
});
