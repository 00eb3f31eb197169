import type { Store } from '../../../src/store/redis-store.js';
import { commitsContract } from './store/commits.js';
import { devicesContract } from './store/devices.js';
import { journalContract } from './store/journal.js';
import { leasesContract } from './store/leases.js';
import { listsContract } from './store/lists.js';
import { looksContract } from './store/looks.js';
import { operationWatchContract } from './store/operation-watch.js';
import { publishedRoutesContract } from './store/published-routes.js';

/** What the ports of the store promise, whatever stands behind them. `open` gives stores that share their data, empty before each test. */
export function storeContract(open: () => Store): void {
  describe('commits', () => commitsContract(open));
  describe('the journal', () => journalContract(open));
  describe('lists', () => listsContract(open));
  describe('the work queue', () => leasesContract(open));
  describe('devices', () => devicesContract(open));
  describe('routes', () => publishedRoutesContract(open));
  describe('waiting for an operation', () => operationWatchContract(open));
  describe('looks', () => looksContract(open));
}
