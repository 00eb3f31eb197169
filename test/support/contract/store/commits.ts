import type { Store } from '../../../../src/store/redis-store.js';
import {
  accepted,
  activeContainer,
  commitOf,
  createContainer,
  deploy,
  deployed,
  newContainer,
  newOperation,
  stateOf,
  submit,
} from '../../store-fixture.js';
import { twoBeforeEach } from './two-stores.js';

/** What commits promise: names, idempotency keys and versions. */
export function commitsContract(open: () => Store): void {
  let store: Store;
  let other: Store;
  twoBeforeEach(open, (one, another) => {
    store = one;
    other = another;
  });

  test('a name belongs to one container of a folder until its Delete is done', async () => {
    const { id, held } = await activeContainer(store, { name: 'web' });
    const create = async (folderId: string) => {
      const container = newContainer({ name: 'web', folderId });
      return store.records.createContainer({ ...commitOf(newOperation('CREATE', container.id)), container });
    };
    expect(await create('default')).toEqual({ kind: 'NAME_TAKEN', containerId: id });
    expect((await create('elsewhere')).kind).toBe('COMMITTED');

    const { operationId } = await submit(store, 'DELETE', id);
    expect((await create('default')).kind).toBe('NAME_TAKEN');
    await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId });
    await store.containerWork.removeContainer(held, id, operationId);
    expect((await create('default')).kind).toBe('COMMITTED');
  });

  test('of many that want one name, one gets it', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, at) => {
        const container = newContainer({ name: 'only' });
        const commit = { ...commitOf(newOperation('CREATE', container.id)), container };
        return (at % 2 ? store : other).records.createContainer(commit);
      }),
    );
    expect(outcomes.filter(({ kind }) => kind === 'COMMITTED')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'NAME_TAKEN')).toHaveLength(19);
  });

  test('containers without a name do not clash, and are found by it', async () => {
    const { id } = await createContainer(store);
    const { id: next } = await createContainer(store);
    const page = await store.records.containers({
      index: { by: 'NAME', folderId: 'default', name: '' },
      after: null,
      limit: 10,
    });
    expect(page.items.map((item) => item.id)).toEqual([next, id]);
  });

  test('a repeated request gets its first operation, also after the container is gone', async () => {
    const { id, held } = await activeContainer(store);
    const idempotency = { key: 'delete-it', requestHash: 'h1' };
    const first = newOperation('DELETE', id);
    expect(await store.records.repeated(idempotency)).toBeNull();
    accepted(await store.records.submit({ ...commitOf(first, idempotency), revision: null }));
    await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId: first.id });
    await store.containerWork.removeContainer(held, id, first.id);

    const again = { ...commitOf(newOperation('DELETE', id), idempotency), revision: null };
    const repeated = { kind: 'REPEATED', operation: { id: first.id, state: 'DONE' } };
    expect(await other.records.submit(again)).toMatchObject(repeated);
    expect(await other.records.repeated(idempotency)).toMatchObject(repeated);
    const different = { ...idempotency, requestHash: 'h2' };
    expect(await other.records.submit({ ...again, idempotency: different })).toEqual({ kind: 'KEY_REUSED' });
    expect(await other.records.repeated(different)).toEqual({ kind: 'KEY_REUSED' });
  });

  test('what is stored comes back as it was, and a change expects the version it saw', async () => {
    const { id } = await activeContainer(store, { name: 'ä', description: '"\\/\n', labels: { a: '' } });
    expect(await store.records.container(id)).toMatchObject({
      name: 'ä',
      description: '"\\/\n',
      labels: { a: '' },
      version: 1,
      state: stateOf(),
    });
    const result = { kind: 'EMPTY' } as const;
    const change = { id, folderId: 'default', name: 'new', description: '', labels: {}, expectedVersion: 1 };
    const update = () =>
      store.records.updateContainer({ ...commitOf(newOperation('UPDATE', id, { result })), container: change });
    expect(accepted(await update())).toMatchObject({ state: 'DONE', result });
    expect(await update()).toEqual({ kind: 'CHANGED' });
    expect(await store.records.container(id)).toMatchObject({ name: 'new', version: 2 });
    const byName = (name: string) =>
      store.records.containers({ index: { by: 'NAME', folderId: 'default', name }, after: null, limit: 2 });
    expect((await byName('ä')).items).toEqual([]);
    expect((await byName('new')).items).toHaveLength(1);
  });

  test('a rollback goes to a revision of this container that has run', async () => {
    const { id, held } = await activeContainer(store);
    const { revisionId } = await deployed(store, held);
    const stranger = await activeContainer(store);
    const fresh = await deploy(store, id);
    expect((await submit(store, 'ROLLBACK', id, fresh.revisionId)).outcome.kind).toBe('REVISION_NOT_FOUND');
    expect((await submit(store, 'ROLLBACK', stranger.id, revisionId)).outcome.kind).toBe('REVISION_NOT_FOUND');
    expect((await submit(store, 'ROLLBACK', id, 'none')).outcome.kind).toBe('REVISION_NOT_FOUND');
    expect((await submit(store, 'ROLLBACK', id, revisionId)).outcome.kind).toBe('COMMITTED');
  });
}
