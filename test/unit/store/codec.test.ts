import { EMPTY_STATE } from '../../../src/domain/container-state.js';
import { decodeContainer, decodeRoute, encodeDocument } from '../../../src/store/codec.js';
import { decodeOperation } from '../../../src/store/operation-text.js';
import { upgrade } from '../../../src/store/stored.js';

const container = {
  v: '1',
  id: 'bba',
  folderId: 'default',
  createdAt: '1700000000000',
  name: '',
  description: '',
  labels: '{}',
  status: 'ACTIVE',
  version: '3',
  state: JSON.stringify(EMPTY_STATE),
};

test('fields become a record', () => {
  expect(decodeContainer(container)).toEqual({
    id: 'bba',
    folderId: 'default',
    createdAt: 1_700_000_000_000,
    name: '',
    description: '',
    labels: {},
    status: 'ACTIVE',
    version: 3,
    state: EMPTY_STATE,
  });
});

test('what a newer worker added to the state passes through', () => {
  const state = JSON.stringify({ ...EMPTY_STATE, added: [1] });
  expect(decodeContainer({ ...container, state }).state).toEqual({ ...EMPTY_STATE, added: [1] });
});

test('a damaged record is an error and not half a record', () => {
  expect(() => decodeContainer({ ...container, status: 'SLEEPING' })).toThrow();
  expect(() => decodeContainer({ ...container, state: '{}' })).toThrow();
  expect(() => decodeOperation('bbo', '[1]\n\n')).toThrow('operation bbo in Redis is damaged');
  expect(() => decodeOperation('bbo', '')).toThrow('operation bbo in Redis is damaged');
});

test('a newer record is refused by name', () => {
  expect(() => decodeContainer({ ...container, v: '2' })).toThrow(/container bba.*format 2.*newer Longshore/);
  const route = { ...JSON.parse(encodeDocument({})), v: 9 };
  expect(() => decodeRoute(JSON.stringify(route))).toThrow(/format 9/);
});

test('an older record is brought up step by step', () => {
  const upgrades = {
    1: (record: Record<string, unknown>) => ({ ...record, one: true }),
    2: (record: Record<string, unknown>) => ({ ...record, two: record['one'] }),
  };
  expect(upgrade({ v: '1' }, 'it', { format: 3, upgrades })).toEqual({ v: '1', one: true, two: true });
  expect(() => upgrade({ v: '1' }, 'it', { format: 4, upgrades })).toThrow('no upgrade');
});
