import { Turns } from '../../../src/worker/turns.js';

describe('turns', () => {
  test('one at a time for a key, in the order of asking, though some fail; other keys do not wait', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const act =
      (name: string, fail = false) =>
      async () => {
        log.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        log.push(`${name} ends`);
        if (fail) throw new Error(name);
        return name;
      };
    const failing = turns.take('a', act('one', true));
    const second = turns.take('a', act('two'));
    const other = turns.take('b', act('other'));
    await expect(failing).rejects.toThrow('one');
    expect(await second).toBe('two');
    expect(await other).toBe('other');
    expect(log.filter((line) => !line.startsWith('other'))).toEqual([
      'one begins',
      'one ends',
      'two begins',
      'two ends',
    ]);
    expect(log.indexOf('other begins')).toBeLessThan(log.indexOf('one ends'));
  });
});
