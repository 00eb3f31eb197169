import { isImageReference } from '../../../src/domain/image-reference.js';

const digest = `sha256:${'0a'.repeat(32)}`;

test.each([
  'redis',
  'redis:7.0',
  `redis@${digest}`,
  `redis:7.0@${digest}`,
  digest,
  'library/redis',
  'localhost:5000/app',
  'registry.example.com/a/b_c/d__e/f--g.h:v1',
  '[2001:db8::1]:5000/app',
  'REGISTRY.example.com/app',
  `r/${'a'.repeat(253)}`,
])('%s is a reference', (text) => {
  expect(isImageReference(text)).toBe(true);
});

test.each([
  '',
  ' redis',
  'redis ',
  'Redis',
  'redis:',
  'redis:a b',
  `redis:${'t'.repeat(129)}`,
  'redis@sha256:abc',
  `redis@${digest.toUpperCase()}`,
  'https://registry.example.com/app',
  'a//b',
  '/a',
  'a/',
  '../a',
  'a\n',
  `r/${'a'.repeat(254)}`,
  'a'.repeat(100_000),
])('%.60s is none', (text) => {
  expect(isImageReference(text)).toBe(false);
});
