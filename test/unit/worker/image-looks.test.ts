import { EngineError, type EngineImage } from '../../../src/engine/driver.js';
import { createMemoryHost, type MemoryHost } from '../../../src/engine/memory-driver.js';
import { createImageLooks } from '../../../src/worker/image-looks.js';
import { aHost } from '../../support/reconciler/builders.js';

function stand(...names: readonly string[]) {
  const hosts = new Map(names.map((name) => [name, createMemoryHost({ host: name })] as const));
  const forgotten: string[] = [];
  const fleet = {
    ready: async (name: string) => found(hosts, name).driver('cp'),
    forget: (name: string) => void forgotten.push(name),
  };
  const looks = createImageLooks(fleet);
  const records = names.map((name) => aHost(name, { state: 'UP' }));
  const asked = (name: string) => found(hosts, name).calls.filter((call) => call.startsWith('findImage')).length;
  return { host: (name: string) => found(hosts, name), forgotten, looks, records, asked };
}

function found(hosts: ReadonlyMap<string, MemoryHost>, name: string): MemoryHost {
  const host = hosts.get(name);
  if (host === undefined) throw new EngineError('UNREACHABLE', name, 'there is none');
  return host;
}

const idsOf = (images: ReadonlyMap<string, EngineImage>) => [...images].map(([name, { id }]) => [name, id]);

test('every host that is up tells whether it has the image', async () => {
  const { host, looks, records } = stand('h1', 'h2');
  const { id } = host('h2').addImage('app:1');
  const away = aHost('h3', { state: 'UNREACHABLE' });
  const { images, unasked } = await looks.look('app:1', [...records, away]);
  expect([idsOf(images), unasked]).toEqual([[['h2', id]], ['h3']]);
});

test('who asks at the same time asks together, and who comes later asks anew', async () => {
  const { host, looks, records, asked } = stand('h1');
  const together = await Promise.all([looks.look('app:1', records), looks.look('app:1', records)]);
  expect([together.map(({ images }) => images.size), asked('h1')]).toEqual([[0, 0], 1]);
  host('h1').addImage('app:1');
  const later = await looks.look('app:1', records);
  expect([later.images.size, asked('h1')]).toEqual([1, 2]);
});

test('a host that fails counts as unasked, and is looked at before its next use', async () => {
  const { host, looks, records, forgotten } = stand('h1', 'h2');
  host('h1').failNext('findImage', new EngineError('UNREACHABLE', 'h1', 'no answer'));
  host('h2').addImage('app:1');
  const { images, unasked } = await looks.look('app:1', records);
  expect([[...images.keys()], unasked, forgotten]).toEqual([['h2'], ['h1'], ['h1']]);
});
