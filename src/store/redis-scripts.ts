import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { Failure } from '../domain/errors.js';
import { treePath } from '../paths.js';
import { type Keys, LUA_KEY_BUILDER } from './keys.js';
import { encodeResult } from './operation-text.js';
import type { RedisConnection } from './redis-connection.js';
import { confirmed } from './redis-replication.js';
import { packedArguments } from './script-arguments.js';
import { SCRIPT_NAMES, type ScriptName, type ScriptRunner } from './script-runner.js';
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

/** Sends scripts by their digest, and whole where Redis does not know them (its memory of scripts ends with it). */
export function createRedisScripts({ connection, keys, settings }: RedisScriptsDeps): ScriptRunner {
  const scripts = loadScripts(settings);
  return {
    run: (name, args) => {
      const script = scripts.get(name);
      if (script === undefined) throw new Error(`there is no script ${name}`);
      return connection.call(async (client, primary) => {
        const reply = await evaluate(client, script, keys.root, packedArguments(args));
        await confirmed(client, primary, name);
        return reply;
      });
    },
  };
}

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
  const head = [constants(settings), LUA_KEY_BUILDER, readScript('lib/base')];
  return new Map(
    SCRIPT_NAMES.map((name) => {
      const body = readScript(name);
      const parts = includes(body);
      const views = parts.includes('texts') ? [`local VIEWS = ${luaOf(VIEWS)}`] : [];
      const source = [...head, ...views, ...parts.map((part) => readScript(`lib/${part}`)), body].join('\n');
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
  return [...new Set(named.flatMap((name) => [...includes(readScript(`lib/${name}`)), name]))];
}

function readScript(name: string): string {
  return readFileSync(treePath('src', 'store', 'scripts', `${name}.lua`), 'utf8');
}
