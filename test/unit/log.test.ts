import { createLogger, withoutPasswords } from '../../src/log.js';

function capture(level = 'info') {
  const lines: string[] = [];
  return { lines, log: createLogger({ level, out: { write: (line) => void lines.push(line) } }) };
}

test('a line is one JSON object with its time, level, fields and message', () => {
  const { lines, log } = capture();
  log.child({ role: 'worker' }).info({ key: 'container/c1', fence: 7 }, 'took a key');
  log.debug({}, 'not at this level');
  expect(lines).toHaveLength(1);
  const line: unknown = JSON.parse(lines[0] ?? '');
  expect(line).toMatchObject({ level: 'info', role: 'worker', key: 'container/c1', fence: 7, msg: 'took a key' });
});

test.each([
  { password: 'hunter2' },
  { request: { secrets: ['hunter2'] } },
  { spec: { image: { environment: { A: 'hunter2' } } } },
  { host: { tls: { key: 'hunter2' } } },
  { server: { key: 'hunter2' } },
  { redisUrl: 'redis://:hunter2@db' },
])('secrets stay out of %j', (fields) => {
  const { lines, log } = capture();
  log.warn(fields, 'something');
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain('hunter2');
});

test("secrets stay out of a child's fields, and what was logged is left as it was", () => {
  const { lines, log } = capture();
  const fields = { key: 'host/a', hosts: [{ tls: { cert: 'hunter2' }, key: 'hunter2', name: 'a' }] };
  log.child(fields).child({ token: 'hunter2' }).info(fields, 'something');
  expect(lines[0]).not.toContain('hunter2');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ key: 'host/a', hosts: [{ key: '[secret]', name: 'a' }] });
  expect(fields.hosts[0]?.key).toBe('hunter2');
});

test('an error is told with its causes, and without what its maker hung on it', () => {
  const { lines, log } = capture();
  const cause = Object.assign(new Error('connect redis://ada:hunter2@db failed'), { code: 'ECONNREFUSED' });
  const error = Object.assign(new Error('cannot commit', { cause }), { command: { args: ['hunter2'] } });
  log.error({ err: error }, 'a commit failed');
  expect(lines[0]).not.toContain('hunter2');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    err: { message: 'cannot commit', cause: { message: 'connect redis://***@db failed', code: 'ECONNREFUSED' } },
  });
});

test('what stands before the @ of a URL is masked', () => {
  expect(withoutPasswords('at rediss://u:p@ss@h:1/0 and http://h/a@b')).toBe('at rediss://***@h:1/0 and http://h/a@b');
});
