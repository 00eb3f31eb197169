import { fieldsOfText } from '../../../src/store/views.js';

test('fields are lines, and the last may have several', () => {
  const lines = ['1', 'bba', 'default', '5', '', 'ACTIVE', '2', '{}', '{"a":1}', 'one', '', 'three'];
  expect(fieldsOfText('container', lines.join('\n'))).toEqual({
    v: '1',
    id: 'bba',
    folderId: 'default',
    createdAt: '5',
    name: '',
    status: 'ACTIVE',
    version: '2',
    labels: '{}',
    state: '{"a":1}',
    description: 'one\n\nthree',
  });
});
