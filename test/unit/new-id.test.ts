import { isId } from '../../src/domain/ids.js';
import { createNewId } from '../../src/new-id.js';

test('ids of every kind have their form, and none comes twice', () => {
  const newId = createNewId();
  const ids = Array.from({ length: 2_000 }, (_, number) => newId(number % 2 === 0 ? 'operation' : 'revision'));
  expect(ids.every((id, number) => isId(number % 2 === 0 ? 'operation' : 'revision', id))).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
});
