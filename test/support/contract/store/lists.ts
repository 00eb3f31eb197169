import type { RevisionIndex } from '../../../../src/store/records.js';
import type { Store } from '../../../../src/store/redis-store.js';
import {
  accepted,
  activeContainer,
  commitOf,
  createContainer,
  deploy,
  deployed,
  lease,
  newContainer,
  newOperation,
  run,
  submit,
} from '../../store-fixture.js';
import { twoBeforeEach } from './two-stores.js';

/** What pages, indexes and filters promise. */
export function listsContract(open: () => Store): void {
  let store: Store;
  let other: Store;
  twoBeforeEach(open, (one, another) => {
    store = one;
    other = another;
  });

  const all = async (limit: number) => {
    const ids: string[] = [];
    let after: string | null = null;
    do {
      const page = await store.records.containers({ index: { by: 'FOLDER', folderId: 'default' }, after, limit });
      ids.push(...page.items.map(({ id }) => id));
      expect(page.positions).toHaveLength(page.items.length);
      after = page.next;
      if (after !== null) await createContainer(other);
    } while (after !== null);
    return ids;
  };

  test('pages are newest first and neither skip nor repeat while others are added', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 7; count += 1) ids.unshift((await createContainer(store)).id);
    expect(await all(3)).toEqual(ids);
  });

  test('status and done lists follow their records', async () => {
    const { id, operationId } = await createContainer(store);
    const counts = async () => {
      const containers = (status: 'CREATING' | 'ACTIVE' | 'DELETING') =>
        store.records.containers({ index: { by: 'STATUS', folderId: 'default', status }, after: null, limit: 5 });
      const operations = (done: boolean) =>
        store.records.operations({ index: { by: 'CONTAINER', containerId: id, done }, after: null, limit: 5 });
      const revisions = (status: 'CREATING' | 'ACTIVE' | 'OBSOLETE') =>
        store.records.revisions({ index: { by: 'CONTAINER', containerId: id, status }, after: null, limit: 5 });
      const pages = [
        await containers('CREATING'),
        await containers('ACTIVE'),
        await containers('DELETING'),
        await operations(false),
        await operations(true),
        await revisions('CREATING'),
        await revisions('ACTIVE'),
        await revisions('OBSOLETE'),
      ];
      return pages.map((page) => page.items.length).join(' ');
    };
    expect(await counts()).toBe('1 0 0 1 0 0 0 0');
    const held = await lease(store, `container/${id}`);
    await run(store, held, operationId);
    expect(await counts()).toBe('0 1 0 0 1 0 0 0');
    await deployed(store, held);
    await deployed(store, held);
    expect(await counts()).toBe('0 1 0 0 3 0 1 1');
    await deploy(store, id);
    expect(await counts()).toBe('0 1 0 1 3 1 1 1');
    await submit(store, 'DELETE', id);
    expect(await counts()).toBe('0 0 1 1 4 0 1 1');
  });

  test('revisions are listed once they have been deployed, newest first, whatever their status', async () => {
    const { id, held } = await activeContainer(store);
    const first = await deployed(store, held);
    const second = await deployed(store, held);
    await deploy(store, id);
    const idsOf = async (index: RevisionIndex, after: string | null, limit: number) => {
      const page = await store.records.revisions({ index, after, limit });
      return { ids: page.items.map((revision) => revision.id), next: page.next };
    };
    for (const index of [
      { by: 'CONTAINER', containerId: id },
      { by: 'FOLDER', folderId: 'default' },
    ] as const) {
      const newest = await idsOf(index, null, 1);
      expect(newest.ids).toEqual([second.revisionId]);
      expect(await idsOf(index, newest.next, 5)).toEqual({ ids: [first.revisionId], next: null });
    }
  });

  test('what a folder lists is its own, however it is named', async () => {
    const container = newContainer({ folderId: 'b/c%2Fd', name: 'a%/' });
    accepted(await store.records.createContainer({ ...commitOf(newOperation('CREATE', container.id)), container }));
    const page = (folderId: string, name: string) =>
      store.records.containers({ index: { by: 'NAME', folderId, name }, after: null, limit: 5 });
    expect((await page('b/c%2Fd', 'a%/')).items).toHaveLength(1);
    expect((await page('b', 'c%2Fd/a%/')).items).toHaveLength(0);
  });
}
