import type { Api } from '../../../chaos/api.js';
import { isAtRest, restFaults, unwantedFaults } from '../../../chaos/at-rest.js';
import type { DockerContainer } from '../../../chaos/docker.js';
import type { ContainerRecord, Entry } from '../../../chaos/ledger.js';
import {
  callsTo,
  ENDED_AT,
  ended,
  failedWith,
  MADE_AT,
  onDocker,
  open,
  operation,
  record,
  revert,
  shown,
} from '../../support/chaos/records.js';

describe('a container is at rest', () => {
  it('when all that was asked of it has ended', () => {
    expect(isAtRest(record([]))).toBe(true);
    expect(isAtRest(record([ended('o1'), ended('o2', {}, failedWith(9))]))).toBe(true);
  });

  it.each([
    ['something is under way', record([ended('o1'), open('o2')])],
    ['something is being asked', record([ended('o1')], { asking: true })],
    ['it is to be deleted', record([ended('o1')], { deletedAt: MADE_AT })],
  ])('and not when %s', (_what, one) => {
    expect(isAtRest(one)).toBe(false);
  });
});

describe('of a container at rest', () => {
  const ANSWERS: Partial<Api> = {
    operationsOf: async () => [operation('o1')],
    container: async () => shown(),
    revisions: async () => [{ id: 'r1', status: 'ACTIVE' }],
  };
  /** Nothing is active: a fault, where it is at rest. */
  const WRONG: Partial<Api> = { ...ANSWERS, container: async () => shown({ active_revision_id: '' }) };
  const deployed = () => record([ended('o1')]);

  test('nothing is said where it is as it should be', async () => {
    await expect(restFaults(deployed(), callsTo(ANSWERS))).resolves.toEqual([]);
  });

  test('the active revision is checked', async () => {
    await expect(restFaults(deployed(), callsTo(WRONG))).resolves.toEqual([
      'container one (c1-1) has nothing active; the last operation that succeeded made it r1',
    ]);
  });

  test('its revisions are checked', async () => {
    const revisions: Api['revisions'] = async () => [
      { id: 'r1', status: 'OBSOLETE' },
      { id: 'r9', status: 'CREATING' },
    ];
    await expect(restFaults(deployed(), callsTo({ ...ANSWERS, revisions }))).resolves.toEqual([
      'ACTIVE revisions of one are none, and should be r1',
      'revision r9 of one is CREATING',
      'nobody deployed revision r9 of one',
    ]);
  });

  test('what the service has reverted to counts', async () => {
    const operationsOf: Api['operationsOf'] = async () => [revert('s1', 'r0'), operation('o1')];
    await expect(restFaults(deployed(), callsTo({ ...ANSWERS, operationsOf }))).resolves.toContain(
      'container one (c1-1) has r1 active; the last operation that succeeded made it r0',
    );
  });

  test.each(['ListOperations', 'Get', 'ListRevisions'])('nothing is said where %s is not answered', async (method) => {
    await expect(restFaults(deployed(), callsTo(WRONG, [method]))).resolves.toEqual([]);
  });

  test('nothing is said where the service reverts meanwhile', async () => {
    const running = revert('s1', 'r0', { done: false, response: null });
    const answers = [[operation('o1')], [running, operation('o1')]];
    const begins = callsTo({ ...WRONG, operationsOf: async () => answers.shift() ?? [] });
    await expect(restFaults(deployed(), begins)).resolves.toEqual([]);
    const goesOn = callsTo({ ...WRONG, operationsOf: async () => [running, operation('o1')] });
    await expect(restFaults(deployed(), goesOn)).resolves.toEqual([]);
  });

  test.each<[string, (one: ReturnType<typeof deployed>) => void]>([
    ['being asked', (one) => void (one.asking = true)],
    ['asked and begun', (one) => void one.entries.push(open('o2'))],
    ['asked and done', (one) => void one.entries.push(ended('o2'))],
  ])('nothing is said where something is %s meanwhile', async (_what, meanwhile) => {
    const one = deployed();
    const container: Api['container'] = async () => {
      meanwhile(one);
      return shown({ active_revision_id: '' });
    };
    await expect(restFaults(one, callsTo({ ...WRONG, container }))).resolves.toEqual([]);
  });
});

describe('a Docker container is unwanted', () => {
  const DELETE = ended('o2', { method: 'Delete', revisionId: null });
  const LOOKED_AT = ENDED_AT + 1;
  const found = (docker: DockerContainer, entries: Entry[], askedAt = LOOKED_AT) => [
    ...unwantedFaults([docker], [record(entries)], askedAt),
  ];

  it('where it runs after the Delete of its container', () => {
    expect(found(onDocker(), [ended('o1'), DELETE])).toEqual([
      'ls-i1-f1 runs on host-1, and its container one was deleted',
    ]);
  });

  it.each<[string, DockerContainer, Entry[], number]>([
    ['not while it is wanted', onDocker(), [ended('o1')], LOOKED_AT],
    ['not where it has stopped', onDocker({ running: false }), [ended('o1'), DELETE], LOOKED_AT],
    ['not where it was seen before the end of the Delete', onDocker(), [ended('o1'), DELETE], ENDED_AT],
    ['not where the Delete goes on', onDocker(), [ended('o1'), { ...DELETE, end: null }], LOOKED_AT],
    [
      'not where the Delete has failed',
      onDocker({ startedAt: ENDED_AT + 1 }),
      [ended('o1'), ended('o2', { method: 'Delete', revisionId: null }, failedWith(14))],
      LOOKED_AT,
    ],
    [
      'not where it belongs to a container of which nothing is known',
      onDocker({ container: 'x' }),
      [DELETE],
      LOOKED_AT,
    ],
  ])('%s', (_what, docker, entries, askedAt) => {
    expect(found(docker, entries, askedAt)).toEqual([]);
  });

  describe('where its container was stopped', () => {
    const STOP = ended('o2', { method: 'Stop', revisionId: null });
    const said = ['ls-i1-f1 runs on host-1, and its container one was stopped by o2'];

    it.each<[string, readonly string[], Entry[], Partial<ContainerRecord>, number]>([
      ['and it runs', said, [ended('o1'), STOP], {}, LOOKED_AT],
      ['but not as seen before the end of the Stop', [], [ended('o1'), STOP], {}, ENDED_AT],
      ['but not where the Stop goes on', [], [ended('o1'), open('o2', { method: 'Stop' })], {}, LOOKED_AT],
      ['but not where something was asked since', [], [STOP, open('o3', { method: 'Start' })], {}, LOOKED_AT],
      ['but not where something is being asked', [], [STOP], { asking: true }, LOOKED_AT],
      ['but not where the Stop has failed', [], [ended('o2', { method: 'Stop' }, failedWith(14))], {}, LOOKED_AT],
    ])('%s', (_what, faults, entries, part, askedAt) => {
      expect([...unwantedFaults([onDocker()], [record(entries, part)], askedAt)]).toEqual(faults);
    });
  });

  it('where it was started after the Delete of its container, even if it has stopped since', () => {
    const started = onDocker({ running: false, startedAt: ENDED_AT + 1 });
    expect(found(started, [ended('o1'), DELETE])).toEqual([
      'ls-i1-f1 was started on host-1 at 1970-01-01T00:01:50.001Z, after the end of o2 (Delete), which left it unwanted',
    ]);
    expect(found({ ...started, startedAt: ENDED_AT }, [ended('o1'), DELETE])).toEqual([]);
  });

  it.each([
    ['has failed', 9],
    ['was cancelled', 1],
  ])('where it was started after its deploy %s', (_what, code) => {
    const failed = [ended('o1', {}, failedWith(code))];
    expect(found(onDocker({ startedAt: ENDED_AT + 1 }), failed)).toEqual([
      expect.stringMatching(/^ls-i1-f1 was started .* after the end of o1 \(DeployRevision\), which left it unwanted$/),
    ]);
    expect(found(onDocker({ startedAt: ENDED_AT }), failed)).toEqual([]);
    expect(found(onDocker({ startedAt: ENDED_AT + 1, revision: 'r2' }), failed)).toEqual([]);
  });

  it('not where its deploy failed since its host did not answer: that may do it later', () => {
    expect(found(onDocker({ startedAt: ENDED_AT + 1 }), [ended('o1', {}, failedWith(14))])).toEqual([]);
  });

  it('not where a rollback to its revision has failed', () => {
    const entries = [ended('o1'), ended('o2', { method: 'Rollback' }, failedWith(9))];
    expect(found(onDocker({ startedAt: ENDED_AT + 1 }), entries)).toEqual([]);
  });
});
