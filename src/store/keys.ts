/**
 * Every key and channel of the store, and how many parts its name has. A family is listed here once; the scripts may use no other.
 *
 * All of them carry one hash tag, so that a script may touch a container, its hosts and the queue at once. Most keys that a script
 * touches are named by data that it reads (the operations of a journal, the index of a folder), so it cannot be told all of them
 * beforehand: it gets the root as its one KEY and builds the rest with the Lua half of this builder. A cluster accepts that,
 * since everything lies in the slot of the root.
 */
export const KEY_FAMILIES = {
  // Records: hashes with their format version in `v`, but for operations, of which each is one text (operation-text.ts).
  container: 1,
  revision: 1,
  operation: 1,
  /** Operation id and request hash behind an idempotency key. */
  idempotency: 1,
  /** Container id that was deleted; outlives the record for a while. */
  tombstone: 1,
  /** Unfinished operations of a container, oldest first. */
  journal: 1,

  // Indexes: ids scored by their sequence number, which is also their position in a list.
  'containers-by-folder': 1,
  'containers-by-name': 2,
  'containers-by-status': 2,
  /** ACTIVE and OBSOLETE ones. */
  'revisions-by-folder-status': 2,
  'revisions-by-container-status': 2,
  /** The finished ones (`1`) and the unfinished (`0`). */
  'operations-by-folder': 2,
  /** The finished ones; the unfinished are its journal. */
  'operations-by-container': 1,
  /** Finished operations in the order in which they ended, to be forgotten in that order. */
  'operations-by-end': 0,

  // Counters that only grow.
  sequence: 0,
  fence: 0,
  'route-version': 0,

  /** When the time was noted last, and by how much it leads Redis' clock. */
  clock: 0,

  // The work queue. A key is either in `due` or, while it is leased, in `lapse`.
  due: 0,
  lapse: 0,
  /** Keys whose last holder may have left calls under way. */
  unclean: 0,
  /** Fence, token, wake time, and the last step with its reply. */
  lease: 1,
  /** What the work on a key meets again and again. */
  trouble: 0,
  /** What one request to take work was given. */
  taken: 1,

  // Devices.
  gpus: 0,
  ports: 0,
  /** Instance id to its device lease. */
  devices: 0,
  /** Instance ids of a container that hold a device lease. */
  'devices-of': 1,
  /** Containers whose operation waits for capacity. */
  waiting: 0,
  /** Grows whenever room may have come free anywhere. */
  'capacity-version': 0,
  hosts: 0,
  /** What a host offers, as one text: a change wakes those that wait. */
  'host-capacity': 0,
  /** Of a host: image id to what we pulled it by, and when it was last in use. */
  'pulled-images': 1,

  /** Hosts and device leases by the version of their last change: how processes keep up with them. */
  'placement-feed': 0,
  'placement-version': 0,

  // Routes.
  routes: 0,
  ingress: 1,
  ingresses: 0,
  /** Until when the heartbeat of each counts. */
  'ingress-until': 0,
  /** When the heartbeat of an ingress was missed first. */
  'ingress-missed': 1,

  /** Id of the control plane and format of its records. */
  'control-plane': 0,

  // Channels.
  hints: 0,
  'routes-changed': 0,
  'operations-ended': 0,
} as const;

export type KeyFamily = keyof typeof KEY_FAMILIES;

/** `key('container', id)`. Parts are escaped, so no part can reach into another's place. */
export type KeyBuilder = (family: KeyFamily, ...parts: readonly string[]) => string;

export interface Keys {
  /** What scripts get as KEYS[1]. */
  readonly root: string;
  readonly key: KeyBuilder;
}

export function createKeys(name = 'longshore'): Keys {
  const root = `{${name}}:`;
  return {
    root,
    key: (family, ...parts) => {
      if (parts.length !== KEY_FAMILIES[family])
        throw new RangeError(`key family ${family} has ${KEY_FAMILIES[family]} parts, got ${parts.length}`);
      return root + [family, ...parts.map(escape)].join('/');
    },
  };
}

const escape = (part: string): string => part.replaceAll('%', '%25').replaceAll('/', '%2F');

/** The same builder for scripts. A test compares the two. */
export const LUA_KEY_BUILDER = `
local escaped_parts = {}
local function escaped(part)
  local known = escaped_parts[part]
  if known then return known end
  local text = tostring(part)
  if text:find('[%%/]') then text = text:gsub('%%', '%%25'):gsub('/', '%%2F') end
  escaped_parts[part] = text
  return text
end

-- Every script does this for each key that it touches: each text that Lua makes, it looks for among all that it has.
local function key(family, one, two)
  if one == nil then return KEYS[1] .. family end
  if two == nil then return KEYS[1] .. family .. '/' .. escaped(one) end
  return KEYS[1] .. family .. '/' .. escaped(one) .. '/' .. escaped(two)
end
`;
