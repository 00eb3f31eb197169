import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localGpus } from '../../../src/engine/local-gpus.js';
import { GPU_QUERY, parseGpus } from '../../../src/engine/nvidia-smi.js';
import { treePath } from '../../../src/paths.js';

const A = 'GPU-aaaaaaaa-0000-0000-0000-000000000000';
const B = 'GPU-bbbbbbbb-0000-0000-0000-000000000000';
const H200 = { name: 'NVIDIA H200', memory: 143771 * 2 ** 20 };

const fixture = (driver: string, file: string) => treePath('test', 'fixtures', 'nvidia-smi', driver, file);

test('reads devices in index order, whatever else the driver prints', () => {
  const csv = `WARNING: infoROM is corrupted at gpu 0000:3B:00.0\n1, ${B}, NVIDIA H200, 143771\n0, ${A}, NVIDIA H200, 143771 MiB\n\n`;
  expect(parseGpus(csv)).toEqual([
    { uuid: A, ...H200 },
    { uuid: B, ...H200 },
  ]);
  expect(parseGpus('')).toEqual([]);
  expect(parseGpus('No devices were found')).toEqual([]);
});

test.each(['[N/A]', 'N/A', '[Not Supported]', '[Unknown]', ''])('memory %p is not known', (memory) => {
  expect(parseGpus(`0, ${A}, NVIDIA GB10, ${memory}`)).toEqual([{ uuid: A, name: 'NVIDIA GB10', memory: 0 }]);
});

/** What real drivers answered; the README beside the files says to what. */
describe.each([{ driver: 'h200-580', uuid: 'GPU-24fb7759-d6af-299b-34bd-35aaf3e67f51' }])('$driver', (real) => {
  const answer = (file: string) => readFileSync(fixture(real.driver, file), 'utf8');
  const gpus = [{ uuid: real.uuid, ...H200 }];

  test('answers our query with what we read', () => {
    expect(parseGpus(answer('query.csv'))).toEqual(gpus);
  });

  test('has the fields of our query under these names, memory in MiB', () => {
    const table = answer('wide.csv').split('\n');
    const columns = table.map((line) => line.split(', ').slice(0, 4).join(', '));
    const asked = GPU_QUERY[0].replace('--query-gpu=', '').split(',');
    expect(columns[0]).toBe(`${asked.join(', ')} [MiB]`);
    // The same with units and a header.
    expect(parseGpus(columns.join('\n'))).toEqual(gpus);
  });

  test('lists the device under the same UUID, in a form that we do not take for a table', () => {
    expect(answer('list.txt')).toContain(`NVIDIA H200 (UUID: ${real.uuid})`);
    for (const file of ['list.txt', 'absent.txt', 'badfield.txt']) expect(parseGpus(answer(file))).toEqual([]);
  });
});

describe('asking the machine', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'longshore-smi-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  async function ask(script: string, timeoutMs?: number, signal?: AbortSignal) {
    const command = join(dir, `smi-${Math.random().toString(36).slice(2)}`);
    await writeFile(command, `#!/bin/sh\n${script}\n`);
    await chmod(command, 0o755);
    return localGpus({ host: 'gpu-1', command, ...(timeoutMs !== undefined && { timeoutMs }) }, signal);
  }

  test('with a driver and without', async () => {
    expect(await ask(`echo "0, ${A}, NVIDIA H200, 143771"`)).toEqual([{ uuid: A, ...H200 }]);
    expect(await ask('echo "No devices were found"; exit 6')).toEqual([]);
    expect(await localGpus({ host: 'gpu-1', command: join(dir, 'absent') })).toEqual([]);
  });

  test('whose driver answers as a real one did', async () => {
    const replay = (file: string, code: number) => ask(`cat '${fixture('h200-580', file)}'; exit ${code}`);
    expect(await replay('query.csv', 0)).toEqual([{ uuid: 'GPU-24fb7759-d6af-299b-34bd-35aaf3e67f51', ...H200 }]);
    expect(await replay('absent.txt', 6)).toEqual([]);
    await expect(replay('badfield.txt', 2)).rejects.toMatchObject({
      kind: 'TRANSIENT',
      message: expect.stringMatching(/ended with 2: Field "nonsense" is not a valid field to query\.$/),
    });
  });

  test('a driver that fails or hangs is a fault, not a machine without GPUs', async () => {
    const failing = ask('echo "Failed to initialize NVML: Driver/library version mismatch" >&2; exit 18');
    await expect(failing).rejects.toMatchObject({ kind: 'TRANSIENT', message: expect.stringContaining('mismatch') });
    await expect(ask('echo "GPU-1, NVIDIA H200, 143771"')).rejects.toThrow('answered with no GPU: GPU-1');
    await expect(ask('exec sleep 1000', 50)).rejects.toMatchObject({ kind: 'TRANSIENT' });
    await expect(ask('exec sleep 1000', 60_000, AbortSignal.timeout(50))).rejects.toThrow('cancelled');
  });
});
