import fc from 'fast-check';
import type { Operation, OperationResult } from '../../../src/domain/operation.js';
import type { Revision } from '../../../src/domain/revision.js';
import { decodeOperation, encodeProgress, encodeResult, ownerOf } from '../../../src/store/operation-text.js';

const ABOUT = { folderId: 'default', containerId: 'bbac', revisionId: 'bbrr' };
const HEAD = [1, 'DEPLOY', 'default', 'bbac', 'bbrr', 'anonymous', 1_700_000_000_000, 1_700_000_000_100, 'DONE', 0, 7];

/** As lib/operation.lua writes it. */
const stored = (progress: string, result: string, head: readonly unknown[] = HEAD) =>
  [JSON.stringify(head), progress, result].join('\n');

function revisionOf(more: Partial<Revision> = {}): Revision {
  return {
    id: ABOUT.revisionId,
    containerId: ABOUT.containerId,
    folderId: ABOUT.folderId,
    description: '',
    createdAt: 1_700_000_000_000,
    status: 'ACTIVE',
    spec: {
      image: { url: 'app:1', command: [], args: [], environment: {}, workingDir: '' },
      resources: null,
      executionTimeoutMs: 3_600_000,
      concurrency: 0,
      gpus: null,
      shmSize: 0,
      healthCheck: null,
      rolloutOrder: 'AUTO',
      pullPolicy: 'IF_ABSENT',
      runtime: 'HTTP',
      minimumRunTimeMs: 5_000,
      minInstances: null,
    },
    image: null,
    ...more,
  };
}

const container = {
  id: ABOUT.containerId,
  folderId: ABOUT.folderId,
  createdAt: 5,
  name: 'n',
  description: 'two\nlines',
  labels: { a: 'b' },
  status: 'DELETING',
  url: 'http://bbac.localhost/',
  activeRevisionId: null,
  stopped: true,
  instances: [],
  statusMessage: '',
} as const;

const unusual = revisionOf({
  description: 'd',
  status: 'OBSOLETE',
  image: { digest: 'sha256:1', id: 'sha256:2', pullReference: null },
  spec: {
    ...revisionOf().spec,
    image: { url: 'app:2', command: ['a'], args: ['\n'], environment: { A: '' }, workingDir: '/w' },
    resources: { memory: 1, cores: 0, coreFraction: 0 },
    runtime: 'PROCESS',
    healthCheck: { probe: { kind: 'TCP' }, intervalMs: 1, timeoutMs: 1, deadlineMs: 1 },
    minInstances: 0,
  },
});

test.each<[string, OperationResult]>([
  ['a failure', { kind: 'ERROR', failure: { code: 'INTERNAL', reason: 'R', message: 'two\nlines' } }],
  ['a container', { kind: 'CONTAINER', container }],
  ['a usual revision', { kind: 'REVISION', revision: revisionOf() }],
  ['an unusual revision', { kind: 'REVISION', revision: unusual }],
  ['nothing', { kind: 'EMPTY' }],
  ['bindings', { kind: 'EMPTY', bindings: [{ roleId: 'r', subjectId: 's', subjectType: 't' }] }],
])('an operation that ended with %s is read as it was', (_, result) => {
  const progress = {
    step: 'DONE',
    percent: 100,
    bytesDone: 0,
    bytesTotal: 7,
    rolloutOrder: null,
    message: '',
  } as const;
  const operation: Operation = {
    id: 'bboo',
    kind: 'DEPLOY',
    ...ABOUT,
    createdAt: 1_700_000_000_000,
    createdBy: 'anonymous',
    modifiedAt: 1_700_000_000_100,
    state: 'DONE',
    cancelRequested: false,
    progress,
    result,
  };
  expect(decodeOperation('bboo', stored(encodeProgress(progress), encodeResult(result)))).toEqual(operation);
  expect(ABOUT).toMatchObject(ownerOf(result));
});

test.each([null, 'registry.example.com/app@sha256:1', 'app@sha256:2', 'app:1'])(
  'an image is pulled by %s again',
  (pullReference) => {
    const image = { digest: 'sha256:1', id: 'sha256:2', pullReference };
    const result = { kind: 'REVISION', revision: revisionOf({ image }) } as const;
    expect(decodeOperation('bboo', stored('', encodeResult(result))).result).toEqual(result);
  },
);

test('one that has not begun has neither progress nor result, and perhaps no revision', () => {
  const head = HEAD.with(4, '').with(8, 'QUEUED').with(9, 1);
  const read = { revisionId: null, progress: null, result: null, cancelRequested: true };
  expect(decodeOperation('bboo', stored('', '', head))).toMatchObject(read);
});

test('one of our own says why it is there, and any other leaves that out', () => {
  expect(decodeOperation('bboo', stored('', '', [...HEAD.with(8, 'QUEUED'), 'it died'])).description).toBe('it died');
  expect(decodeOperation('bboo', stored('', '', HEAD.with(8, 'QUEUED')))).not.toHaveProperty('description');
});

test('a finished deploy of a usual revision is short', () => {
  const hex = 'd'.repeat(64);
  const image = { digest: `sha256:${hex}`, id: `sha256:${hex}`, pullReference: null };
  const result = encodeResult({ kind: 'REVISION', revision: revisionOf({ image }) });
  expect(stored('', result).length).toBeLessThan(400);
});

test('one of a newer version is refused, whatever it looks like', () => {
  expect(() => decodeOperation('bboo', '[2,"NEW"]\n')).toThrow(/operation bboo.*format 2.*newer Longshore/);
});

test('what is damaged is named, wherever it is', () => {
  const sound = stored(encodeProgress(null), encodeResult({ kind: 'REVISION', revision: unusual }));
  fc.assert(
    fc.property(fc.nat(sound.length - 1), (length) => {
      expect(() => decodeOperation('bboo', sound.slice(0, length))).toThrow(/operation bboo in Redis (is damaged|has)/);
    }),
    { examples: [[0], [1]] },
  );
});
