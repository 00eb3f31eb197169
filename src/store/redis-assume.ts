import { createRedisClient } from './redis-client.js';
import { createStore } from './redis-store.js';
import type { Assumption } from './work.js';

/** Has the control plane of a Redis take the place of another, whose own Redis is gone. All but OK: nothing was changed. */
export async function assumeControlPlane(
  { url, keyspace }: { readonly url: string; readonly keyspace: string },
  ids: { readonly own: string; readonly former: string },
): Promise<Assumption> {
  const { controlPlane } = createStore({ connect: () => createRedisClient(url), keyspace });
  try {
    return await controlPlane.assume(ids);
  } finally {
    await controlPlane.close();
  }
}
