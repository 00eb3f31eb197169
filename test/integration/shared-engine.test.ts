import { sharedEngine } from '../support/engine.js';

test('tests share one engine that has the images', async () => {
  const [one, other] = await Promise.all([sharedEngine(), sharedEngine()]);
  expect(other).toMatchObject({ endpoint: one.endpoint });
  expect(await one.docker('run', '--rm', '--network', 'none', 'longshore/busybox', 'echo', 'well')).toBe('well');
  expect(await one.docker('image', 'ls', '-q', 'longshore/demo-app')).not.toBe('');
});
