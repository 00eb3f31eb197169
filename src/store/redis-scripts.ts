import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Failure } from '../domain/errors.js';
import { treePath } from '../paths.js';
import { createBatches } from './batches.js';
import { type Keys, LUA_KEY_BUILDER } from './keys.js';
import { encodeResult } from './operation-text.js';
import { isFaultOfScript, type RedisConnection, StoreFault } from './redis-connection.js';
import { isReply } from './redis-refusals.js';
import { confirmed } from './redis-replication.js';
import { packedArguments } from './script-arguments.js';
import { SCRIPT_NAMES, type ScriptArguments, type ScriptName, type ScriptRunner } from './script-runner.js';
import type { StoreSettings } from './settings.js';
import { RECORD_FORMAT } from './stored.js';
import { VIEWS } from './views.js';
import { NEXT_ROUTE_VERSION } from './work.js';

const CANCELLED: Failure = {
  code: 'CANCELLED',
  reason: 'OPERATION_CANCELLED',
  message: 'the operation was cancelled before it began',
};

interface Script {
  readonly source: string;
  readonly sha: string;
}

export interface RedisScriptsDeps {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly settings: StoreSettings;
}

/** What is done to one container or one host at a time: calls of it that come in one turn of the event loop are made by one script. */
const JOINED: ReadonlySet<ScriptName> = new Set([
  'submit',
  'load',
  'take-operation',
  'save',
  'place',
  'publish-route',
  'switch-revision',
  'complete-operation',
  'load-host',
  'save-host',
]);

/** Some two milliseconds of Redis. */
const MOST_AT_ONCE = 16;

/**
 * Sends scripts by their digest, and whole where Redis does not know them (its memory of scripts ends with it). Under load a quarter of what a small script
 * costs is that it is one, which calls that are sent together share; each of them has its own reply or error all the same.
 */
export function createRedisScripts({ connection, keys, settings }: RedisScriptsDeps): ScriptRunner {
  const senders = new Map(
    [...loadScripts(settings)].map(([name, script]) => {
      const send = (calls: readonly ScriptArguments[]) => {
        const texts = calls.flatMap(packedArguments);
        let attempts = 0;
        return connection.call(async (client, primary) => {
          attempts += 1;
          const found = replies.parse(await evaluate(client, script, keys.root, texts));
          // It is no primary any more: what it is, and where its name leads by now, is looked at at once.
          if (found.some(isReadOnly)) await primary.look().catch(() => undefined);
          if (!found.every(isReply)) await confirmed(client, primary, name);
          return found.map((reply) => (isReply(reply) ? faultOf(reply, name, attempts > 1) : reply));
        });
      };
      return [name, JOINED.has(name) ? createBatches(MOST_AT_ONCE, send) : alone(send)];
    }),
  );
  return {
    run: async (name, args) => {
      const send = senders.get(name);
      if (send === undefined) throw new Error(`there is no script ${name}`);
      const reply = await send(args);
      if (reply instanceof Error) throw reply;
      return reply;
    },
  };
}

const isReadOnly = (reply: unknown): boolean => isReply(reply) && /^READONLY\b/.test(reply.message);

/** What one call failed with. `repeated`: an earlier attempt at it was not answered, and may have run. */
function faultOf(reply: Error, name: ScriptName, repeated: boolean): Error {
  if (!isFaultOfScript(reply)) return new StoreFault(repeated, { cause: reply });
  reply.message += ` (script ${name})`;
  return reply;
}

const replies = z.array(z.unknown());

const alone =
  (send: (calls: readonly ScriptArguments[]) => Promise<readonly unknown[]>) =>
  async (args: ScriptArguments): Promise<unknown> =>
    (await send([args]))[0];

async function evaluate(
  client: Redis,
  { source, sha }: Script,
  root: string,
  args: readonly string[],
): Promise<unknown> {
  try {
    return await client.evalsha(sha, 1, root, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await client.eval(source, 1, root, ...args);
  }
}

function loadScripts(settings: StoreSettings): ReadonlyMap<ScriptName, Script> {
  const head = [constants(settings), LUA_KEY_BUILDER, readPart('base')];
  return new Map(
    SCRIPT_NAMES.map((name) => {
      const body = readScript(name);
      const parts = includes(body);
      const views = parts.includes('texts') ? [`local VIEWS = ${luaOf(VIEWS)}`] : [];
      const script = ['local function script()', body, 'end'];
      const source = [...head, ...views, ...parts.map(readPart), ...script, readPart('calls')].join('\n');
      return [name, { source, sha: createHash('sha1').update(source).digest('hex') }];
    }),
  );
}

function constants(settings: StoreSettings): string {
  const values = {
    ...settings,
    cancelled: encodeResult({ kind: 'ERROR', failure: CANCELLED }),
    routePlaceholder: String(NEXT_ROUTE_VERSION),
  };
  return `local FORMAT = ${RECORD_FORMAT}\nlocal settings = ${luaOf(values)}`;
}

/** A value as Lua: scripts run their constants each time, and decoding JSON costs more than a small script itself. */
function luaOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `[==[${value}]==]`;
  if (Array.isArray(value)) return `{${value.map(luaOf).join()}}`;
  if (typeof value !== 'object' || value === null) throw new TypeError(`${String(value)} is no constant of a script`);
  return `{${Object.entries(value)
    .map(([name, inner]) => `[ ${luaOf(name)} ]=${luaOf(inner)}`)
    .join()}}`;
}

/**
 * Names in the header line `-- include: one two`, in the order in which they build on each other. What is included may have such a line
 * of its own.
 */
function includes(body: string): readonly string[] {
  const named = /^-- include: (.+)$/m.exec(body)?.[1]?.split(' ') ?? [];
  return [...new Set(named.flatMap((name) => [...includes(readPart(name)), name]))];
}

const readPart = (name: string): string => readScript(`lib/${name}`);

function readScript(name: string): string {
  return readFileSync(treePath('src', 'store', 'scripts', `${name}.lua`), 'utf8');
}
