import { z } from 'zod';
import type { Container } from '../domain/container.js';
import type { Operation, OperationResult, Progress } from '../domain/operation.js';
import type { ImageSpec, ResolvedImage, Revision, RevisionSpec } from '../domain/revision.js';
import { fastParser } from './fast-parser.js';
import { operation as schema } from './record-schemas.js';
import { isObject, parsed, type StoredFields, sparse, undamaged, upgrade } from './stored.js';

/*
 * Operations outnumber everything else, and most of them are finished: each is one short text of three lines, a head, the progress and the
 * result. The head is a JSON array that scripts read and write (lib/operation.lua); the other two are JSON or empty, and pass through scripts
 * untouched. They leave out what is usual: the USUAL_* below are part of the format.
 */

const USUAL_PROGRESS = { bytesDone: 0, bytesTotal: 0, rolloutOrder: null, message: '' } satisfies Partial<Progress>;

const USUAL_IMAGE = { command: [], args: [], environment: {}, workingDir: '' } satisfies Partial<ImageSpec>;

const USUAL_SPEC = {
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
} satisfies Partial<RevisionSpec>;

const USUAL_REVISION = { description: '', status: 'ACTIVE' } satisfies Partial<Revision>;

const USUAL_CONTAINER = {
  description: '',
  labels: {},
  status: 'ACTIVE',
  activeRevisionId: null,
  stopped: false,
  instances: [],
  statusMessage: '',
} satisfies Partial<Container>;

/** What every container and revision in the result of an operation shares with it. */
export type ResultOwner = Pick<Operation, 'folderId' | 'containerId' | 'revisionId'>;

const whole = fastParser(schema);
const wholeHead = fastParser(z.array(z.unknown()));

/** Throws for what is damaged, and FAILED_PRECONDITION for what a newer version wrote. */
export function decodeOperation(id: string, text: string): Operation {
  const what = `operation ${id}`;
  return undamaged(what, () => {
    const stored = upgrade(partsOf(text), what);
    if ((stored['state'] === 'DONE') !== (stored['result'] !== ''))
      throw new TypeError('it is done without a result, or has one before');
    const read = {
      id,
      kind: stored['kind'],
      folderId: stored['folderId'],
      containerId: stored['containerId'],
      revisionId: stored['revisionId'] === '' ? null : stored['revisionId'],
      createdAt: stored['createdAt'],
      createdBy: stored['createdBy'],
      modifiedAt: stored['modifiedAt'],
      state: stored['state'],
      cancelRequested: stored['cancelRequested'] === 1,
      progress: progressOf(parsed(stored['progress'])),
      result: resultOf(parsed(stored['result']), stored),
    };
    const description = stored['description'];
    return whole(description === undefined ? read : { ...read, description });
  });
}

/**
 * In the head the id is missing, which is in the key, no revision is an empty text, `cancelRequested` is 0 or 1, the sequence is for scripts alone, and
 * a description is there only where the operation is our own.
 */
function partsOf(text: string): StoredFields {
  const [first = '', progress, result] = text.split('\n');
  const head = wholeHead(JSON.parse(first));
  const [v, kind, folderId, containerId, revisionId, createdBy, createdAt, modifiedAt, state, cancelRequested] = head;
  return {
    v,
    kind,
    folderId,
    containerId,
    revisionId,
    createdBy,
    createdAt,
    modifiedAt,
    state,
    cancelRequested,
    description: head[11],
    progress,
    result,
  };
}

export const encodeProgress = (progress: Progress | null): string =>
  progress === null ? '' : JSON.stringify(sparse(progress, USUAL_PROGRESS));

const progressOf = (stored: unknown): unknown => (isObject(stored) ? wholeProgress(stored) : stored);

function wholeProgress({
  step,
  percent,
  bytesDone = USUAL_PROGRESS.bytesDone,
  bytesTotal = USUAL_PROGRESS.bytesTotal,
  rolloutOrder = USUAL_PROGRESS.rolloutOrder,
  message = USUAL_PROGRESS.message,
}: StoredFields): Unread<Progress> {
  return { step, percent, bytesDone, bytesTotal, rolloutOrder, message };
}

/** A result without what it shares with its operation: `ownerOf` says what that has to be. */
export function encodeResult(result: OperationResult | null): string {
  switch (result?.kind) {
    case undefined:
      return '';
    case 'ERROR':
      return JSON.stringify({ failure: result.failure });
    case 'CONTAINER': {
      const { container } = result;
      const shared = { id: container.id, folderId: container.folderId };
      return JSON.stringify({ container: sparse(container, { ...USUAL_CONTAINER, ...shared }) });
    }
    case 'REVISION':
      return JSON.stringify({ revision: shortRevision(result.revision) });
    case 'EMPTY':
      return JSON.stringify({ bindings: result.bindings });
  }
}

/** What has to be so of an operation that ends with this result. */
export function ownerOf(result: OperationResult | null): Partial<ResultOwner> {
  switch (result?.kind) {
    case 'CONTAINER':
      return { containerId: result.container.id, folderId: result.container.folderId };
    case 'REVISION': {
      const { id: revisionId, containerId, folderId } = result.revision;
      return { revisionId, containerId, folderId };
    }
    default:
      return {};
  }
}

function resultOf(stored: unknown, operation: StoredFields): unknown {
  if (!isObject(stored)) return stored;
  const { containerId, folderId } = operation;
  const { failure, container, revision } = stored;
  if (failure !== undefined) return { kind: 'ERROR', failure };
  if (isObject(container))
    return { kind: 'CONTAINER', container: { ...USUAL_CONTAINER, id: containerId, folderId, ...container } };
  if (isObject(revision)) return { kind: 'REVISION', revision: wholeRevision(revision, operation) };
  return { kind: 'EMPTY', ...stored };
}

function shortRevision(revision: Revision): object {
  const { id, containerId, folderId, spec, image } = revision;
  return {
    ...sparse(revision, { ...USUAL_REVISION, id, containerId, folderId, image }),
    spec: sparse({ ...spec, image: sparse(spec.image, USUAL_IMAGE) }, USUAL_SPEC),
    ...(image && { image: shortImage(image) }),
  };
}

/** What a text says before the schema has judged it. */
type Unread<T> = { readonly [Field in keyof T]: unknown };

// Name by name here and below: filling in what is usual by spreading takes three times as long as reading the JSON.
function wholeRevision(
  stored: StoredFields,
  { containerId, folderId, revisionId: id }: StoredFields,
): Unread<Revision> {
  const { description = USUAL_REVISION.description, status = USUAL_REVISION.status, createdAt, spec, image } = stored;
  return {
    id,
    containerId,
    folderId,
    description,
    createdAt,
    status,
    spec: isObject(spec) ? wholeSpec(spec) : spec,
    image: Array.isArray(image) ? wholeImage(image) : null,
  };
}

function wholeSpec({
  image,
  resources = USUAL_SPEC.resources,
  executionTimeoutMs = USUAL_SPEC.executionTimeoutMs,
  concurrency = USUAL_SPEC.concurrency,
  gpus = USUAL_SPEC.gpus,
  shmSize = USUAL_SPEC.shmSize,
  healthCheck = USUAL_SPEC.healthCheck,
  rolloutOrder = USUAL_SPEC.rolloutOrder,
  pullPolicy = USUAL_SPEC.pullPolicy,
  runtime = USUAL_SPEC.runtime,
  minimumRunTimeMs = USUAL_SPEC.minimumRunTimeMs,
  minInstances = USUAL_SPEC.minInstances,
}: StoredFields): Unread<RevisionSpec> {
  return {
    image: isObject(image) ? wholeImageSpec(image) : image,
    resources,
    executionTimeoutMs,
    concurrency,
    gpus,
    shmSize,
    healthCheck,
    rolloutOrder,
    pullPolicy,
    runtime,
    minimumRunTimeMs,
    minInstances,
  };
}

function wholeImageSpec({
  url,
  command = USUAL_IMAGE.command,
  args = USUAL_IMAGE.args,
  environment = USUAL_IMAGE.environment,
  workingDir = USUAL_IMAGE.workingDir,
}: StoredFields): Unread<ImageSpec> {
  return { url, command, args, environment, workingDir };
}

/** What to pull by usually ends with the digest, which is not said twice then: it ends with its `@`. */
function shortImage({ digest, id, pullReference }: ResolvedImage): readonly (string | null)[] {
  if (!pullReference?.endsWith(`@${digest}`)) return [digest, id, pullReference];
  return [digest, id, pullReference.slice(0, -digest.length)];
}

function wholeImage([digest, id, source]: readonly unknown[]): Unread<ResolvedImage> {
  const isUsual = typeof digest === 'string' && typeof source === 'string' && source.endsWith('@');
  return { digest, id, pullReference: isUsual ? source + digest : source };
}
