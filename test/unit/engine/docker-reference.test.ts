import { imageOf } from '../../../src/engine/docker-image.js';
import { parseReference, sameRepository } from '../../../src/engine/docker-reference.js';

const HEX = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

test.each([
  ['redis', 'docker.io', 'docker.io/library/redis', 'latest', null],
  ['redis:7', 'docker.io', 'docker.io/library/redis', '7', null],
  ['nvidia/cuda:12.4', 'docker.io', 'docker.io/nvidia/cuda', '12.4', null],
  ['index.docker.io/nvidia/cuda', 'docker.io', 'docker.io/nvidia/cuda', 'latest', null],
  ['localhost/a/b', 'localhost', 'localhost/a/b', 'latest', null],
  ['10.0.0.5:5000/a/b:c', '10.0.0.5:5000', '10.0.0.5:5000/a/b', 'c', null],
  [`r.example/a@sha256:${HEX}`, 'r.example', 'r.example/a', null, `sha256:${HEX}`],
  [`r.example/a:t@sha256:${HEX}`, 'r.example', 'r.example/a', 't', `sha256:${HEX}`],
])('%s', (text, registry, repository, tag, digest) => {
  expect(parseReference(text)).toEqual({ kind: 'name', registry, repository, tag, digest });
});

test('an image id is one', () => {
  expect(parseReference(`sha256:${HEX}`)).toEqual({ kind: 'id', id: `sha256:${HEX}` });
});

test.each([
  '',
  'Redis',
  'a b',
  '../x',
  'a/../b',
  'a//b',
  '/a',
  'a/',
  'a:',
  'a:b:c',
  'a?x=1',
  'a%2fb',
  'a@sha256:123',
  'a#b',
  'https://r.example/a',
  'x'.repeat(300),
])('%p is none', (text) => {
  expect(parseReference(text)).toBeNull();
});

test('spellings of one repository', () => {
  expect(sameRepository('redis', 'docker.io/library/redis')).toBe(true);
  expect(sameRepository('team/app', 'r.example/team/app')).toBe(false);
});

describe('an image', () => {
  const inspect = { Id: `sha256:${HEX}`, RepoDigests: [`redis@sha256:${HEX}`, `r.example/team/app@sha256:${OTHER}`] };
  const digestFor = (text: string) => {
    const reference = parseReference(text);
    if (reference === null) throw new Error(text);
    return imageOf(inspect, reference);
  };

  test('has the digest of its own repository', () => {
    expect(digestFor('r.example/team/app:v1').pullReference).toBe(`r.example/team/app@sha256:${OTHER}`);
    expect(digestFor('docker.io/library/redis').digest).toBe(`sha256:${HEX}`);
    expect(digestFor(`sha256:${HEX}`).pullReference).toBe(`redis@sha256:${HEX}`);
  });

  test('has its id for a digest where no registry knows it', () => {
    expect(digestFor('local/built:v1')).toMatchObject({ digest: `sha256:${HEX}`, pullReference: null });
  });

  test('tells whether it declares a health check', () => {
    const reference = parseReference('redis');
    if (reference === null) throw new Error('redis');
    const healthOf = (Test: unknown) => imageOf({ Id: 'x', Config: { Healthcheck: { Test } } }, reference).healthCheck;
    expect(healthOf(['CMD', 'true'])).toBe(true);
    expect(healthOf(['NONE'])).toBe(false);
    expect(healthOf(undefined)).toBe(false);
  });
});
