import type { Store } from '../../../../src/store/redis-store.js';
import {
  activeContainer,
  commitOf,
  createContainer,
  deploy,
  deployed,
  lease,
  newOperation,
  newRevision,
  routeOf,
  run,
  stateOf,
  submit,
} from '../../store-fixture.js';
import { twoBeforeEach } from './two-stores.js';

/** What the journal of a container promises. */
export function journalContract(open: () => Store): void {
  let store: Store;
  let other: Store;
  twoBeforeEach(open, (one, another) => {
    store = one;
    other = another;
  });

  test('operations of one container run first in, first out', async () => {
    const { id, held } = await activeContainer(store);
    const submitted = [await deploy(store, id), await deploy(other, id), await deploy(store, id)];
    const order: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const queued = (await store.containerWork.load(held, id))?.queued;
      order.push(queued?.id ?? '');
      await run(store, held, queued?.id ?? '');
    }
    expect(order).toEqual(submitted.map(({ operationId }) => operationId));
    expect(await store.containerWork.load(held, id)).toMatchObject({ queued: null, running: null });
  });

  test('an accepted Delete ends what is queued, stops what runs and refuses everything else', async () => {
    const { id, held } = await activeContainer(store);
    const running = await deploy(store, id);
    const queued = await deploy(store, id);
    await store.containerWork.takeOperation(held, {
      containerId: id,
      state: stateOf(),
      operationId: running.operationId,
    });
    const deletion = await submit(store, 'DELETE', id);
    expect(deletion.outcome.kind).toBe('COMMITTED');
    expect(await store.records.operation(queued.operationId)).toMatchObject({
      state: 'DONE',
      result: { kind: 'ERROR', failure: { code: 'CANCELLED' } },
    });
    expect(await store.records.revision(queued.revisionId)).toBeNull();
    expect(await store.records.operation(running.operationId)).toMatchObject({
      state: 'RUNNING',
      cancelRequested: true,
    });
    const revision = newRevision(id);
    const late = newOperation('DEPLOY', id, { revisionId: revision.id });
    expect(await store.records.submit({ ...commitOf(late), revision })).toEqual({ kind: 'DELETING' });
    expect((await submit(store, 'DELETE', id)).outcome).toEqual({ kind: 'DELETING' });

    const end = (operationId: string) =>
      store.containerWork.completeOperation(held, {
        containerId: id,
        state: stateOf(),
        operationId,
        result: { kind: 'ERROR', failure: { code: 'UNAVAILABLE', reason: 'R', message: 'm' } },
        revisionToRemove: null,
      });
    await end(running.operationId);
    await store.containerWork.takeOperation(held, {
      containerId: id,
      state: stateOf(),
      operationId: deletion.operationId,
    });
    await end(deletion.operationId);
    expect(await store.containerWork.load(held, id)).toMatchObject({
      record: { status: 'DELETING' },
      deleteRequested: false,
    });
    expect((await submit(store, 'DELETE', id)).outcome.kind).toBe('COMMITTED');
  });

  test('cancel ends a queued operation at once, asks a running one, and leaves a Create and a done one alone', async () => {
    const created = await createContainer(store);
    expect(await store.records.cancel(created.operationId)).toMatchObject({
      state: 'QUEUED',
      cancelRequested: false,
    });
    const held = await lease(store, `container/${created.id}`);
    await run(store, held, created.operationId);
    const done = await store.records.operation(created.operationId);
    expect(await store.records.cancel(created.operationId)).toEqual(done);

    const queued = await deploy(store, created.id);
    const running = await deploy(store, created.id);
    expect(await store.records.cancel(queued.operationId)).toMatchObject({ state: 'DONE' });
    expect(await store.records.revision(queued.revisionId)).toBeNull();
    const change = { containerId: created.id, state: stateOf({ generation: 9 }) };
    const take = (operationId: string) => store.containerWork.takeOperation(held, { ...change, operationId });
    expect(await take(queued.operationId)).toBe('LEFT');
    expect((await store.containerWork.load(held, created.id))?.record.state.generation).toBe(0);
    expect(await take(running.operationId)).toBe('LAST');
    expect(await store.records.cancel(running.operationId)).toMatchObject({ cancelRequested: true, result: null });
    expect(await store.records.cancel('none')).toBeNull();
  });

  test('taking an operation and its end tell whether another of its container waits', async () => {
    const { id, held } = await activeContainer(store);
    const [first, second] = [await deploy(store, id), await deploy(store, id)];
    const change = { containerId: id, state: stateOf() };
    const end = async (operationId: string) => {
      const taken = await store.containerWork.takeOperation(held, { ...change, operationId });
      const ended = { operationId, result: { kind: 'EMPTY' }, revisionToRemove: null } as const;
      return [taken, await store.containerWork.completeOperation(held, { ...change, ...ended })];
    };
    expect(await end(first.operationId)).toEqual(['MORE', 'MORE']);
    expect(await end(second.operationId)).toEqual(['LAST', 'LAST']);
  });

  test('an operation that has been asked to stop switches nothing, and closes no route', async () => {
    const { id, held } = await activeContainer(store);
    const { operationId, revisionId } = await deploy(store, id);
    await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId });
    await store.records.cancel(operationId);
    const before = await store.containerWork.load(held, id);
    const switching = { containerId: id, state: stateOf({ activeRevisionId: revisionId }), revisionId };
    expect(await store.containerWork.switchRevision(held, { ...switching, route: routeOf(id) })).toBeNull();
    expect(await store.containerWork.beginStop(held, { ...switching, route: routeOf(id) })).toBeNull();
    expect(await store.containerWork.load(held, id)).toEqual({ ...before, now: expect.any(Number) });
    expect(await store.routes.route(id)).toBeNull();
  });

  test('a done operation never changes again', async () => {
    const { id, held } = await activeContainer(store);
    const { operationId } = await deployed(store, held);
    const done = await store.records.operation(operationId);
    const failure = { code: 'INTERNAL', reason: 'R', message: 'm' } as const;
    await store.containerWork.completeOperation(held, {
      containerId: id,
      state: stateOf(),
      operationId,
      result: { kind: 'ERROR', failure },
      revisionToRemove: null,
    });
    await store.records.cancel(operationId);
    expect(await store.records.operation(operationId)).toEqual(done);
  });
}
