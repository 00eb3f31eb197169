import type { Store } from '../../../../src/store/redis-store.js';

/** Two stores that share their data before each test, as of two processes; they are closed after it. */
export function twoBeforeEach(open: () => Store, use: (one: Store, another: Store) => void): void {
  let opened: readonly Store[] = [];
  beforeEach(() => {
    const [one, another] = [open(), open()];
    opened = [one, another];
    use(one, another);
  });
  afterEach(async () => {
    await Promise.all(opened.map(({ controlPlane }) => controlPlane.close()));
  });
}
