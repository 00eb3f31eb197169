import { type EngineDriver, EngineError, type EngineEvent } from '../../../src/engine/driver.js';
import { createMemoryHost } from '../../../src/engine/memory-driver.js';
import { feedEvents } from '../../../src/worker/event-feed.js';
import { until } from '../../support/until.js';

/** What `i` starts is our own. */
const ownStarts = { isNews: (instanceId: string) => instanceId !== 'i' };
const log = { info: () => {}, warn: () => {}, error: () => {} };
const driver = createMemoryHost({ host: 'h1' }).driver('plane');

/** Feeds from an engine whose streams are the given ones, one after the other; returns the keys that became due. */
function feed(...streams: EngineDriver['events'][]) {
  const keys: string[] = [];
  const end = new AbortController();
  const fleet = {
    names: ['h1'],
    ready: async () => ({ ...driver, events: streams.shift() ?? driver.events }),
    forget: () => {},
  };
  const queue = { enqueue: async (key: string) => void keys.push(key) };
  const feeding = feedEvents({ fleet, queue, ownStarts, log, reconnectMs: 1 }, end.signal);
  const stop = () => {
    end.abort();
    return feeding;
  };
  return { keys, stop };
}

test('makes a container due for what may need work, and for nothing else', async () => {
  const event = (action: string): EngineEvent => ({ containerId: action, instanceId: 'i', action });
  const { keys, stop } = feed(async function* (_signal, listening) {
    listening?.();
    for (const action of ['create', 'start', 'die', 'health_status: unhealthy']) yield event(action);
    yield { containerId: 'by hand', instanceId: 'other', action: 'start' };
    yield event('destroy');
  });
  await until('all is told', () => keys.includes('container/destroy'));
  await stop();
  expect(keys.slice(0, 5)).toEqual([
    'host/h1',
    'container/die',
    'container/health_status: unhealthy',
    'container/by hand',
    'container/destroy',
  ]);
});

test('has the host observed each time its stream ends and stands again, for what was missed meanwhile', async () => {
  const { keys, stop } = feed(
    async function* (_signal, listening) {
      listening?.();
      throw new EngineError('UNREACHABLE', 'h1', 'the engine ended the stream');
    },
    async function* () {
      throw new EngineError('UNREACHABLE', 'h1', 'connection refused');
    },
  );
  await until('the stream stands again', () => keys.length === 4);
  await stop();
  expect(keys).toEqual(Array(4).fill('host/h1'));
});
