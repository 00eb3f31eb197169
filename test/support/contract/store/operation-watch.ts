import type { Store } from '../../../../src/store/redis-store.js';
import { createContainer, lease, run } from '../../store-fixture.js';
import { twoBeforeEach } from './two-stores.js';

/** What waiting for an operation promises. */
export function operationWatchContract(open: () => Store): void {
  let store: Store;
  let other: Store;
  twoBeforeEach(open, (one, another) => {
    store = one;
    other = another;
  });

  const never = new AbortController().signal;

  test('ends with it, for all who wait', async () => {
    const { id, operationId } = await createContainer(store);
    const held = await lease(store, `container/${id}`);
    const waits = [store, other, other].map((one) => one.watch.wait(operationId, 60_000, never));
    await run(store, held, operationId);
    for (const operation of await Promise.all(waits)) expect(operation).toMatchObject({ state: 'DONE' });
  });

  test('gives the present state at the timeout, null for none, and stops with its caller', async () => {
    const { operationId } = await createContainer(store);
    expect(await store.watch.wait(operationId, 10, never)).toMatchObject({ state: 'QUEUED' });
    expect(await store.watch.wait('none', 60_000, never)).toBeNull();
    const caller = new AbortController();
    const wait = store.watch.wait(operationId, 60_000, caller.signal);
    caller.abort(new Error('gone'));
    await expect(wait).rejects.toThrow('gone');
  });
}
