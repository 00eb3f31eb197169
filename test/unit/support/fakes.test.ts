import { queueContract } from '../../support/contract/queue-contract.js';
import { routesContract } from '../../support/contract/routes-contract.js';
import { createMemoryQueue } from '../../support/memory-queue.js';
import { createMemoryRoutes } from '../../support/memory-routes.js';
import { newId } from '../../support/store-fixture.js';

// What stands in for a port in other tests keeps the promises of that port.

describe('the work queue in memory', () => {
  queueContract(() => {
    const queue = createMemoryQueue();
    return [queue, queue];
  });
});

describe('the routes in memory', () => {
  routesContract(() => {
    const routes = createMemoryRoutes();
    return {
      routes,
      container: () => Promise.resolve(newId('container')),
      publish: (route) => Promise.resolve(routes.publish(route)),
      remove: (containerId) => Promise.resolve(void routes.remove(containerId)),
    };
  });
});
