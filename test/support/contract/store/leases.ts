import type { Store } from '../../../../src/store/redis-store.js';
import { type Lease, LeaseLostError } from '../../../../src/store/work.js';
import { createContainer, stateOf } from '../../store-fixture.js';
import { until } from '../../until.js';
import { queueContract } from '../queue-contract.js';
import { twoBeforeEach } from './two-stores.js';

/** What the work queue promises to whoever changes a container under its leases. */
export function leasesContract(open: () => Store): void {
  let store: Store;
  let other: Store;
  twoBeforeEach(open, (one, another) => {
    store = one;
    other = another;
  });

  queueContract(() => [store.queue, other.queue]);

  test('the holder of a lapsed lease changes nothing any more', async () => {
    const { id, operationId } = await createContainer(store);
    const [lost] = (await store.queue.take(1, 1)) as [Lease];
    await until('the lease lapses', async () => (await other.queue.take(1, 60_000))[0]);
    const change = { containerId: id, state: stateOf(), operationId };
    await expect(store.containerWork.takeOperation(lost, change)).rejects.toThrow(LeaseLostError);
    await expect(store.containerWork.load(lost, id)).rejects.toThrow(LeaseLostError);
    expect(await store.records.operation(operationId)).toMatchObject({ state: 'QUEUED' });
  });
}
