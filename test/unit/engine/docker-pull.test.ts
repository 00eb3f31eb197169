import { pullProgress } from '../../../src/engine/docker-progress.js';
import { pullError } from '../../../src/engine/docker-pull.js';

const downloading = (id: string, current: number, total: number) => ({
  status: 'Downloading',
  id,
  progressDetail: { current, total },
});

test('sums layers, and does not fall when a download is tried again', () => {
  const progress = pullProgress();
  expect(progress.add({ status: 'Pulling from team/app', id: 'v1' })).toBeNull();
  expect(progress.add(downloading('a', 10, 100))).toEqual({ bytesDone: 10, bytesTotal: 100 });
  expect(progress.add(downloading('b', 5, 50))).toEqual({ bytesDone: 15, bytesTotal: 150 });
  expect(progress.add(downloading('a', 1, 100))).toBeNull();
  expect(progress.add({ status: 'Download complete', id: 'a' })).toEqual({ bytesDone: 105, bytesTotal: 150 });
  expect(progress.add({ status: 'Pull complete', id: 'b' })).toEqual({ bytesDone: 150, bytesTotal: 150 });
  expect(progress.add({ status: 'Already exists', id: 'c' })).toBeNull();
  expect(progress.add('junk')).toBeNull();
});

const failure = (text: string) => {
  const { kind, reason } = pullError(text, { host: 'gpu-1', what: 'pull x', mutates: true });
  return { kind, reason };
};

test.each([
  'manifest for r.example/app:v2 not found: manifest unknown: manifest unknown',
  'manifest for r.example/timeout/unreachable:v2 not found: manifest unknown: manifest unknown',
  'manifest unknown: The named manifest is not known to the registry.',
  'name unknown: The repository with name app does not exist in the registry',
  'pull access denied for team/app, repository does not exist or may require "docker login"',
  'failed to resolve reference "r.example/geofence:v1": r.example/geofence:v1: not found',
  'Error: image team/app:v1 not found in repository: repository team/app not found',
])('not there: %s', (text) => {
  expect(failure(text)).toEqual({ kind: 'PERMANENT', reason: 'IMAGE_NOT_FOUND' });
});

test.each([
  'Get "https://r.example/v2/app/manifests/v1": no basic auth credentials',
  'Get "https://r.example/v2/geofence/manifests/v1": unauthorized: authentication required',
  'error getting credentials - err: exec: "docker-credential-x": executable file not found in $PATH',
  'denied: requested access to the resource is denied',
  'no matching manifest for linux/arm64 in the manifest list entries',
  'x509: certificate signed by unknown authority',
])('for good: %s', (text) => {
  expect(failure(text)).toEqual({ kind: 'PERMANENT', reason: null });
});

test.each([
  'Get "https://r.example/v2/": dial tcp: lookup r.example: no such host',
  'dial tcp 10.0.0.5:443: connect: connection refused',
  'net/http: TLS handshake timeout',
  'received unexpected HTTP status: 503 Service Unavailable',
  'toomanyrequests: You have reached your pull rate limit',
  'unexpected EOF',
  'something that nobody has seen yet',
])('for now: %s', (text) => {
  expect(failure(text)).toEqual({ kind: 'TRANSIENT', reason: null });
});

test('no room on the disk is told as such', () => {
  const text = 'write /var/lib/docker/tmp/x: no space left on device';
  expect(failure(text)).toEqual({ kind: 'TRANSIENT', reason: 'DISK_FULL' });
});
