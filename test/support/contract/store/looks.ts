import type { ContainerState } from '../../../../src/domain/container-state.js';
import type { Store } from '../../../../src/store/redis-store.js';
import { activeContainer, deploy, deployed, devicesOf, lease, newId, stateOf, submit } from '../../store-fixture.js';
import { twoBeforeEach } from './two-stores.js';

/** What is promised to whoever looks at containers without a lease. */
export function looksContract(open: () => Store): void {
  let store: Store;
  let other: Store;
  twoBeforeEach(open, (one, another) => {
    store = one;
    other = another;
  });

  test('who holds no lease may look, and sees what a holder reads unless somebody is at it', async () => {
    const { id, held } = await activeContainer(store);
    await deployed(store, held);
    await deploy(store, id);
    const loaded = await store.containerWork.load(held, id);
    expect(await other.hostWork.look([id])).toEqual(new Map([[id, 'BUSY']]));
    await store.queue.release(held, { delayMs: 60_000, clean: true });
    const seen = (await other.hostWork.look([id])).get(id);
    expect(seen).toEqual({ ...loaded, now: expect.any(Number) });
    const next = await lease(store, held.key);
    await store.queue.release(next, { delayMs: null, clean: false });
    expect(await other.hostWork.look([id])).toEqual(new Map([[id, 'UNCLEAN']]));
  });

  describe('a container that is known by its mark', () => {
    async function resting() {
      const { id, held } = await activeContainer(store);
      const { revisionId } = await deployed(store, held);
      await store.queue.release(held, { delayMs: null, clean: true });
      const state = stateOf({ activeRevisionId: revisionId });
      const look = async (mark?: string) =>
        (await other.hostWork.look([id], new Map(mark === undefined ? [] : [[id, mark]]))).get(id);
      const marked = async () => {
        const looked = await look();
        if (typeof looked !== 'object' || looked.mark === undefined) throw new Error('it has no mark');
        return looked.mark;
      };
      const saved = async (next: ContainerState) => {
        const holder = await lease(store, `container/${id}`);
        await store.containerWork.save(holder, { containerId: id, state: next });
        await store.queue.release(holder, { delayMs: null, clean: true });
      };
      return { id, state, look, marked, saved };
    }

    test('is the same until its records are others, and when they are those again', async () => {
      const { state, look, marked, saved } = await resting();
      const mark = await marked();
      expect(await look(mark)).toBe('SAME');
      expect(await look('another')).toMatchObject({ mark });
      await saved({ ...state, message: 'something happened' });
      expect(await marked()).not.toBe(mark);
      expect(await look(mark)).toMatchObject({ record: { state: { message: 'something happened' } } });
      await saved(state);
      expect(await look(mark)).toBe('SAME');
    });

    test('is read whole while it has operations, and is not the same for whoever may not judge it', async () => {
      const { id, look, marked } = await resting();
      const mark = await marked();
      const { operationId } = await deploy(store, id);
      const busy = await look(mark);
      expect(busy).toMatchObject({ queued: { id: operationId } });
      expect(busy).not.toHaveProperty('mark');
      await store.records.cancel(operationId);
      expect(await look(mark)).toBe('SAME');
      const held = await lease(store, `container/${id}`);
      expect(await look(mark)).toBe('BUSY');
      await store.queue.release(held, { delayMs: null, clean: false });
      expect(await look(mark)).toBe('UNCLEAN');
    });

    test('is another one when it is being deleted, and is not the same when it is gone', async () => {
      const { id, state, look, marked } = await resting();
      const mark = await marked();
      const { operationId } = await submit(store, 'DELETE', id);
      expect(await look(mark)).toMatchObject({ record: { status: 'DELETING' }, deleteRequested: true });
      await store.records.cancel(operationId);
      expect(await look(mark)).toMatchObject({ record: { status: 'DELETING' }, deleteRequested: false });
      expect(await look(await marked())).toBe('SAME');
      const again = await submit(store, 'DELETE', id);
      const held = await lease(store, `container/${id}`);
      await store.containerWork.takeOperation(held, { containerId: id, state, operationId: again.operationId });
      await store.containerWork.removeContainer(held, id, again.operationId);
      expect(await look(mark)).toBe('DELETED');
    });
  });

  test('a deleted container leaves a tombstone and nothing else', async () => {
    const { id, held } = await activeContainer(store);
    await deployed(store, held);
    await store.containerWork.place(held, { containerId: id, state: stateOf(), devices: devicesOf(newId('instance')) });
    const { operationId } = await submit(store, 'DELETE', id);
    await store.containerWork.takeOperation(held, { containerId: id, state: stateOf(), operationId });
    await store.containerWork.removeContainer(held, id, operationId);
    expect(await store.records.container(id)).toBeNull();
    expect(await store.hostWork.containersOn('gpu-1')).toEqual([]);
    expect((await store.routes.routes()).routes).toEqual([]);
    const revisions = { index: { by: 'CONTAINER', containerId: id } as const, after: null, limit: 5 };
    expect((await store.records.revisions(revisions)).items).toEqual([]);
    const done = { state: 'DONE', result: { kind: 'EMPTY' }, progress: { step: 'DONE', percent: 100 } };
    expect(await store.records.operation(operationId)).toMatchObject(done);
    const known = await store.hostWork.look([id, 'unknown']);
    expect(known).toEqual(
      new Map([
        [id, 'DELETED'],
        ['unknown', 'UNKNOWN'],
      ]),
    );
  });
}
