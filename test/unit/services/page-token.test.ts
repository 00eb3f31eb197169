import fc from 'fast-check';
import { makePageToken, readPageToken } from '../../../src/services/page-token.js';
import { violatedFields } from '../../support/violations.js';

const position = fc.stringMatching(/^[0-9]{1,16}$/);

test('a token leads back to its position, whatever the arguments, and has at most 100 characters', () => {
  fc.assert(
    fc.property(fc.jsonValue(), position, (args, at) => {
      const token = makePageToken(args, at);
      expect(token.length).toBeLessThanOrEqual(100);
      expect(readPageToken(args, token)).toBe(at);
    }),
  );
});

test('no token is the first page', () => {
  expect(readPageToken(['x'], '')).toBeNull();
});

test('the order of keys in the arguments does not matter', () => {
  expect(readPageToken({ b: 2, a: 1 }, makePageToken({ a: 1, b: 2 }, '7'))).toBe('7');
});

test('a token of other arguments is refused', () => {
  const token = makePageToken(['containers', 'folder-a'], '7');
  expect(violatedFields(() => readPageToken(['containers', 'folder-b'], token))).toEqual(['page_token']);
});

test('a token that was changed anywhere is refused', () => {
  const token = makePageToken(['containers'], '1234567');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const change = fc.tuple(fc.nat(token.length - 1), fc.constantFrom(...alphabet));
  fc.assert(
    fc.property(change, ([index, letter]) => {
      fc.pre(token[index] !== letter);
      const changed = token.slice(0, index) + letter + token.slice(index + 1);
      expect(violatedFields(() => readPageToken(['containers'], changed))).toEqual(['page_token']);
    }),
  );
});

test('no other text is a token', () => {
  const text = fc.string({ minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(text, (token) => {
      expect(violatedFields(() => readPageToken(['containers'], token))).toEqual(['page_token']);
    }),
  );
});
