import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerConfigCredentials } from '../../../src/engine/docker-auth.js';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'longshore-auth-'));
  const answers = [
    'read -r server || :',
    'case $server in',
    '  token.example) echo \'{"Username": "<token>", "Secret": "t0ken"}\' ;;',
    '  user.example) echo \'{"Username": "ann", "Secret": "pass"}\' ;;',
    '  broken.example) echo "the secret is pass"; exit 1 ;;',
    '  *) echo "credentials not found in native keychain"; exit 1 ;;',
    'esac',
  ];
  const helper = join(dir, 'docker-credential-test');
  await writeFile(helper, `#!/bin/sh\n${answers.join('\n')}\n`);
  await chmod(helper, 0o755);
});

afterAll(() => rm(dir, { recursive: true }));

async function ask(registry: string, config: object): Promise<unknown> {
  const file = join(dir, 'config.json');
  await writeFile(file, JSON.stringify(config));
  return dockerConfigCredentials(file, dir)(registry);
}

const encoded = (text: string) => Buffer.from(text).toString('base64');

test('reads what docker login wrote', async () => {
  const auths = {
    'r.example': { auth: encoded('ann:pa:ss') },
    'https://index.docker.io/v1/': { auth: encoded('bob:hub') },
    'https://old.example/v1/': { auth: encoded('eve:old') },
    't.example': { auth: encoded('x:y'), identitytoken: 'tok' },
  };
  expect(await ask('r.example', { auths })).toMatchObject({ username: 'ann', password: 'pa:ss' });
  expect(await ask('docker.io', { auths })).toMatchObject({ username: 'bob', password: 'hub' });
  expect(await ask('old.example', { auths })).toMatchObject({ username: 'eve' });
  expect(await ask('t.example', { auths })).toEqual({ identitytoken: 'tok', serveraddress: 't.example' });
  expect(await ask('none.example', { auths })).toBeNull();
  expect(await dockerConfigCredentials(join(dir, 'absent.json'))('r.example')).toBeNull();
});

test('asks credential helpers, of one registry or of all', async () => {
  const credHelpers = { 'token.example': 'test' };
  expect(await ask('token.example', { credHelpers })).toEqual({
    identitytoken: 't0ken',
    serveraddress: 'token.example',
  });
  expect(await ask('user.example', { credsStore: 'test' })).toMatchObject({ username: 'ann', password: 'pass' });
  expect(await ask('none.example', { credsStore: 'test' })).toBeNull();
});

test('a helper that fails, is absent or is none says so without a secret', async () => {
  const failing = ask('broken.example', { credHelpers: { 'broken.example': 'test' } });
  await expect(failing).rejects.toThrow(/^the credential helper docker-credential-test failed \(1\)$/);
  await expect(ask('a.example', { credsStore: 'absent' })).rejects.toThrow('ENOENT');
  await expect(ask('a.example', { credsStore: '../sh' })).rejects.toThrow('not valid');
});
