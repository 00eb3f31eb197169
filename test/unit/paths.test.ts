import { existsSync } from 'node:fs';
import { treePath } from '../../src/paths.js';

test('finds what travels with the code', () => {
  expect(existsSync(treePath('gen', 'descriptors.binpb'))).toBe(true);
  expect(existsSync(treePath('package.json'))).toBe(true);
});
