import { parseSentinelUrl, redisAddress } from '../../../src/store/address.js';

test('the primary of Sentinels: who to ask, what for, and how to enter both', () => {
  expect(
    parseSentinelUrl('rediss+sentinel://ada:p%40ss@s1:1234,[::1]:26380,s3/my%20primary/3?sentinel-password=guard%21'),
  ).toEqual({
    kind: 'SENTINEL',
    tls: true,
    sentinels: [
      { host: 's1', port: 1234 },
      { host: '::1', port: 26_380 },
      { host: 's3', port: 26_379 },
    ],
    name: 'my primary',
    database: 3,
    user: 'ada',
    password: 'p@ss',
    sentinelPassword: 'guard!',
  });
  expect(parseSentinelUrl('redis+sentinel://s1/main')).toMatchObject({
    tls: false,
    database: 0,
    user: '',
    password: '',
  });
});

test.each([
  'redis+sentinel://s1',
  'redis+sentinel://s1/',
  'redis+sentinel:///main',
  'redis+sentinel://s1:70000/main',
  'redis+sentinel://s1,/main',
  'redis+sentinel://s1/main/x',
  'redis+sentinel://ada:%zz@s1/main',
  'redis+sentinel://s1/main?db=3',
])('%s is none', (url) => {
  expect(parseSentinelUrl(url)).toBeNull();
});

test.each([
  ['redis://db:6379/1', 'redis://db:6379/1'],
  ['unix:///run/redis.sock', '/run/redis.sock'],
  ['/run/redis.sock?db=3', '/run/redis.sock?db=3'],
])('%s is asked directly', (url, asked) => {
  expect(redisAddress(url)).toEqual({ kind: 'DIRECT', url: asked });
});
