import fc from 'fast-check';
import { type Condition, parseFilter } from '../../../src/domain/filter.js';

test.each<[string, Condition[]]>([
  ['', []],
  ['  ', []],
  ['name = "x"', [{ field: 'name', equal: true, value: 'x' }]],
  ['name="x"', [{ field: 'name', equal: true, value: 'x' }]],
  ["status='ACTIVE'", [{ field: 'status', equal: true, value: 'ACTIVE' }]],
  ['done=false', [{ field: 'done', equal: true, value: 'false' }]],
  ['created_by != bob', [{ field: 'created_by', equal: false, value: 'bob' }]],
  ['name = ""', [{ field: 'name', equal: true, value: '' }]],
  ['name = "a\\"b\\\\c"', [{ field: 'name', equal: true, value: 'a"b\\c' }]],
  [
    'name = "x AND y" and status != DELETING',
    [
      { field: 'name', equal: true, value: 'x AND y' },
      { field: 'status', equal: false, value: 'DELETING' },
    ],
  ],
])('%s is read', (text, conditions) => {
  expect(parseFilter(text)).toEqual(conditions);
});

test.each([
  ['name', 'expected = or != at character 5'],
  ['= "x"', 'expected the name of a field at character 1'],
  ['name = ', 'expected a value at character 8'],
  ['name = "x', 'expected a value at character 8'],
  ['name == x', 'expected a value at character 7'],
  ['name = x status = y', 'expected AND or the end at character 9'],
  ['name = x OR name = y', 'expected AND or the end at character 9'],
  ['name = x AND', 'expected AND or the end at character 9'],
  ['name = x AND ', 'expected the name of a field at character 13'],
  ['name > x', 'expected = or != at character 5'],
  ['name = "x"y', 'expected AND or the end at character 11'],
])('%s is a fault, with its place', (text, fault) => {
  expect(parseFilter(text)).toEqual({ fault });
});

const condition = fc.record({
  field: fc.stringMatching(/^[a-z_]{1,12}$/),
  equal: fc.boolean(),
  value: fc.string({ unit: 'grapheme', maxLength: 30 }),
});
const quote = (mark: string, value: string) =>
  mark + value.replaceAll('\\', '\\\\').replaceAll(mark, `\\${mark}`) + mark;

test('whatever the values are, conditions that are written out are read back', () => {
  const written = fc.tuple(fc.array(condition, { minLength: 1, maxLength: 4 }), fc.constantFrom('"', "'"));
  fc.assert(
    fc.property(written, ([conditions, mark]) => {
      const text = conditions.map(({ field, equal, value }) => `${field} ${equal ? '=' : '!='} ${quote(mark, value)}`);
      expect(parseFilter(text.join(' AND '))).toEqual(conditions);
    }),
  );
});

test('any text is read or is a fault', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      const read = parseFilter(text);
      expect('fault' in read ? typeof read.fault : Array.isArray(read)).toBeTruthy();
    }),
  );
});
