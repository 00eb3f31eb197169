import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { tryCommand } from '../support/command.js';
import { newDirectory } from '../support/run-directory.js';

/** What released-api.sh looks at, to be changed. */
function copyOfTree(): string {
  const dir = newDirectory('api');
  for (const name of ['proto', 'buf.yaml', join('scripts', 'released-api.sh')])
    cpSync(treePath(name), join(dir, name), { recursive: true });
  symlinkSync(treePath('node_modules'), join(dir, 'node_modules'));
  return dir;
}

describe('released-api.sh', () => {
  let dir: string;
  beforeEach(() => {
    dir = copyOfTree();
  });

  const run = (...args: string[]) => tryCommand('bash', [join(dir, 'scripts', 'released-api.sh'), ...args]);
  const released = () => readFileSync(join(dir, 'proto', 'released.binpb'));

  function change(from: string, to: string): void {
    const file = join(dir, 'proto', 'longshore', 'containers', 'v1', 'container_service.proto');
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
  }

  test('a field with another number fails, and does not become the released API unless that is meant', async () => {
    const before = released();
    change('int64 shm_size = 101;', 'int64 shm_size = 999;');
    const checked = await run('check');
    expect(checked.stdout).toContain('field "101" with name "shm_size"');
    expect(checked.code).not.toBe(0);
    expect((await run('move')).code).toBe(1);
    expect(released()).toEqual(before);
    expect((await run('move', '--breaking')).code).toBe(0);
    expect((await run('check')).code).toBe(0);
  });

  test('an addition is taken, and its number is fixed from then on', async () => {
    const field = 'int64 shm_size = 101;';
    change(field, `${field}\n\n  // New.\n  int64 added = 998;`);
    expect((await run('check')).code).toBe(0);
    expect((await run('move')).code).toBe(0);
    change('int64 added = 998;', 'int64 added = 999;');
    expect((await run('check')).code).not.toBe(0);
  });
});
