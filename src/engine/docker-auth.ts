import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { member, textOf } from './docker-json.js';

/** What the engine is given for one registry (header X-Registry-Auth). Never logged, stored or put into an error. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

/** Credentials for a registry's host (`docker.io` for Docker Hub); null: pull without. */
export type CredentialSource = (registry: string, signal?: AbortSignal) => Promise<RegistryAuth | null>;

type AskHelper = (helper: string, server: string, signal?: AbortSignal) => Promise<RegistryAuth | null>;

const HELPER_TIMEOUT_MS = 10_000;
/** What helpers answer as the user name when the secret is an identity token. */
const TOKEN_USER = '<token>';

/**
 * Reads Docker's own config file at each pull, so that a `docker login` counts at once. A missing file means no credentials.
 *
 * @param helperDir where credential helpers are; default: on PATH.
 * @throws {Error} without secrets: an unreadable file, or a credential helper that fails.
 */
export function dockerConfigCredentials(configPath: string, helperDir?: string): CredentialSource {
  const askHelper: AskHelper = (helper, server, signal) => runHelper(helper, helperDir, server, signal);
  return async (registry, signal) => {
    const config = await readConfig(configPath);
    const names = serverNames(registry);
    for (const server of names) {
      const helper = textOf(member(config, 'credHelpers', server));
      if (helper !== '') return askHelper(helper, server, signal);
    }
    const store = textOf(member(config, 'credsStore'));
    for (const server of names) {
      const entry = member(config, 'auths', server);
      const found = store === '' ? authOf(entry, server) : await askHelper(store, server, signal);
      if (found !== null) return found;
    }
    return null;
  };
}

async function readConfig(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (member(error, 'code') === 'ENOENT') return '{}';
    throw new Error(`Docker's config file cannot be read (${textOf(member(error, 'code'))})`);
  });
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which holds passwords.
    throw new Error("Docker's config file is no JSON");
  }
}

/** Under which names a registry's credentials are filed. */
function serverNames(registry: string): readonly string[] {
  if (registry === 'docker.io') return ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io'];
  return [registry, `https://${registry}`, `http://${registry}`, `https://${registry}/v1/`, `https://${registry}/v2/`];
}

function authOf(entry: unknown, serveraddress: string): RegistryAuth | null {
  const identitytoken = textOf(member(entry, 'identitytoken'));
  if (identitytoken !== '') return { identitytoken, serveraddress };
  const pair = Buffer.from(textOf(member(entry, 'auth')), 'base64')
    .toString('utf8')
    .replace(/\0+$/, '');
  const colon = pair.indexOf(':');
  const username = colon < 0 ? textOf(member(entry, 'username')) : pair.slice(0, colon);
  const password = colon < 0 ? textOf(member(entry, 'password')) : pair.slice(colon + 1);
  return username === '' ? null : { username, password, serveraddress };
}

/** `docker-credential-<helper> get`: the server's name on stdin, JSON on stdout. "Not found" is an answer, not a failure. */
function runHelper(
  helper: string,
  dir: string | undefined,
  server: string,
  signal?: AbortSignal,
): Promise<RegistryAuth | null> {
  const program = `docker-credential-${helper}`;
  if (!/^[\w.-]+$/.test(helper))
    throw new Error("the name of a credential helper in Docker's config file is not valid");
  return new Promise((resolve, reject) => {
    const options = { timeout: HELPER_TIMEOUT_MS, killSignal: 'SIGKILL' as const, maxBuffer: 1024 * 1024, signal };
    const child = execFile(dir === undefined ? program : join(dir, program), ['get'], options, (error, stdout) => {
      if (error === null) resolve(helperAnswer(stdout, server));
      else if (/credentials not found/i.test(stdout)) resolve(null);
      else reject(new Error(`the credential helper ${program} failed (${error.code ?? error.signal ?? 'no reason'})`));
    });
    child.stdin?.on('error', () => {}); // it may end without reading
    child.stdin?.end(server);
  });
}

function helperAnswer(stdout: string, serveraddress: string): RegistryAuth | null {
  let answer: unknown;
  try {
    answer = JSON.parse(stdout);
  } catch {
    return null;
  }
  const username = textOf(member(answer, 'Username'));
  const secret = textOf(member(answer, 'Secret'));
  if (username === '' || secret === '') return null;
  return username === TOKEN_USER
    ? { identitytoken: secret, serveraddress }
    : { username, password: secret, serveraddress };
}
