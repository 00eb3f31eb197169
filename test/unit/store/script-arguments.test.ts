import { packedArguments } from '../../../src/store/script-arguments.js';

test('long texts follow the others by name, as they are', () => {
  const state = JSON.stringify({ instances: ['x'.repeat(200)] });
  const args = { containerId: 'c', state, step: 3, nested: { spec: state } };
  const [count, others = '', ...texts] = packedArguments(args);
  expect(count).toBe('3');
  expect(JSON.parse(others)).toEqual({ containerId: 'c', step: 3, nested: { spec: state } });
  expect(texts).toEqual(['state', state]);
});

test('without a long text there is one text', () => {
  expect(packedArguments({ text: 'x'.repeat(100) })).toEqual(['1', `{"text":"${'x'.repeat(100)}"}`]);
});
