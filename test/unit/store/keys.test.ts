import { createKeys } from '../../../src/store/keys.js';

const { key, root } = createKeys();

test('all keys lie in one slot', () => {
  expect(root).toBe('{longshore}:');
  expect(key('container', 'a')).toBe('{longshore}:container/a');
  expect(key('sequence')).toBe('{longshore}:sequence');
});

test('no part reaches into the place of another', () => {
  expect(key('containers-by-name', 'a/b', 'c')).not.toBe(key('containers-by-name', 'a', 'b/c'));
  expect(key('containers-by-name', 'a%2Fb', 'c')).not.toBe(key('containers-by-name', 'a/b', 'c'));
});

test('a family takes as many parts as it has', () => {
  expect(() => key('container')).toThrow(RangeError);
  expect(() => key('sequence', 'a')).toThrow(RangeError);
});
