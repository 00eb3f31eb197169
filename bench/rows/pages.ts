import {
  ListContainersRequest,
  ListContainersResponse,
} from '../../gen/ts/longshore/containers/v1/container_service.js';
import type { Store } from '../../src/store/redis-store.js';
import { createContainer, openStore } from '../../test/support/store-fixture.js';
import type { Benchmark } from '../benchmark.js';
import { callOnce } from '../load/call-once.js';
import { type GrpcLoad, h2load } from '../load/h2load.js';
import { inParallel } from '../load/in-parallel.js';
import { type Round, type RowSpec, ratioAtMost } from '../row.js';

const FIRST: RowSpec = {
  name: 'the first page of 100 out of 100,000 containers, against out of 1,000',
  unit: 'ms',
  target: ratioAtMost(1.3),
};
const MIDDLE: RowSpec = {
  name: 'a page of 100 from the middle of 100,000 containers, against of 1,000',
  unit: 'ms',
  target: ratioAtMost(1.3),
};

const FOLDERS = { small: 1_000, large: 100_000 } as const;
const WIDTH = 50;
const PAGE = 100;
const PAGES = 300;
const PATH = '/longshore.containers.v1.ContainerService/List';

/** Listing a folder, one page at a time over one connection. Both folders lie in one Redis; containers are alike in both. */
export const pages: Benchmark = {
  name: 'pages',
  rows: [FIRST, MIDDLE],
  run: async (stage, report) => {
    const redis = await stage.redis();
    const store = openStore(redis.url);
    stage.after(() => store.controlPlane.close());
    for (const [folderId, count] of Object.entries(FOLDERS)) await fill(store, folderId, count);
    const { grpc: address } = await stage.service({ REDIS_URL: redis.url, LONGSHORE_ROLES: 'api' });

    for (const row of [FIRST, MIDDLE]) {
      const [small, large] = [await loadOf(address, 'small', row), await loadOf(address, 'large', row)];
      await millisOf(small);
      await millisOf(large);
      const rounds: Round[] = [];
      for (let round = 0; round < stage.rounds; round += 1)
        rounds.push({ value: await millisOf(large), yardstick: await millisOf(small) });
      report(row, rounds);
    }
  },
};

async function fill(store: Store, folderId: string, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, number) => number);
  await inParallel(WIDTH, numbers, (number) =>
    createContainer(store, { folderId, name: `container-${String(number).padStart(6, '0')}` }),
  );
}

const millisOf = async (load: GrpcLoad): Promise<number> => 1000 / (await h2load(load)).perSecond;

async function loadOf(address: string, folderId: keyof typeof FOLDERS, row: RowSpec): Promise<GrpcLoad> {
  const pageToken = row === FIRST ? '' : await tokenAt(address, folderId, FOLDERS[folderId] / 2);
  const request = listRequest(folderId, PAGE, pageToken);
  const answer = await callOnce({ address, path: PATH, request });
  const { containers } = ListContainersResponse.decode(answer);
  if (containers.length !== PAGE) throw new Error(`a page has ${containers.length} containers`);
  return { address, path: PATH, request, answerBytes: answer.length, connections: 1, streams: 1, requests: PAGES };
}

/** Token of the page that follows the first `count` containers. */
async function tokenAt(address: string, folderId: string, count: number): Promise<string> {
  let token = '';
  for (let seen = 0; seen < count; ) {
    const request = listRequest(folderId, Math.min(1_000, count - seen), token);
    const page = await callOnce({ address, path: PATH, request });
    const { containers, nextPageToken } = ListContainersResponse.decode(page);
    seen += containers.length;
    token = nextPageToken;
  }
  return token;
}

function listRequest(folderId: string, pageSize: number, pageToken: string): Uint8Array {
  return ListContainersRequest.encode({ folderId, pageSize: BigInt(pageSize), pageToken, filter: '' }).finish();
}
