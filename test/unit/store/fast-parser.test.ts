import { z } from 'zod';
import { fastParser } from '../../../src/store/fast-parser.js';

const schema = z.object({
  text: z.string(),
  number: z.number(),
  flag: z.boolean(),
  kind: z.enum(['A', 'B']),
  list: z.array(z.looseObject({ id: z.string() })),
  map: z.record(z.string(), z.string()),
  maybe: z.object({ a: z.number() }).nullable(),
  absent: z.string().optional(),
  usual: z.number().default(7),
  either: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('X'), x: z.string() }),
    z.object({ kind: z.literal('Y') }),
  ]),
  short: z.string().max(3),
});
const sound = {
  text: '',
  number: 0,
  flag: false,
  kind: 'A',
  list: [{ id: 'i', more: 1 }],
  map: { a: 'b' },
  maybe: null,
  usual: 1,
  either: { kind: 'X', x: '' },
  short: 'abc',
};
const { short: _checked, ...plainShape } = schema.shape;
const plain = z.object(plainShape);
const { short: _left, ...plainSound } = sound;

test('what is sound is taken as it is', () => {
  expect(fastParser(plain)(plainSound)).toBe(plainSound);
});

test.each([
  ['text', 1],
  ['number', Number.NaN],
  ['number', '1'],
  ['flag', 0],
  ['kind', 'C'],
  ['list', {}],
  ['list', [{ id: 1 }]],
  ['map', { a: 1 }],
  ['map', []],
  ['maybe', {}],
  ['maybe', undefined],
  ['absent', 1],
  ['either', { kind: 'X' }],
  ['either', { kind: 'Z' }],
  ['short', 'abcd'],
  ['text', undefined],
])('%s %j is refused with its place', (field, value) => {
  const found = { ...sound, [field]: value };
  expect(schema.safeParse(found).success).toBe(false);
  expect(() => fastParser(schema)(found)).toThrow(new RegExp(`"${field}"`));
});

test('what the schema fills in is filled in', () => {
  const { usual: _usual, ...rest } = plainSound;
  expect(fastParser(plain)(rest)).toEqual({ ...plainSound, usual: 7 });
});
