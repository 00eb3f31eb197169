import { join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { tryCommand } from '../support/command.js';
import { newDirectory } from '../support/run-directory.js';

// A short run of chaos/, and what it is worth: a defect that is put into the product is found.

const RUN_MS = 600_000;

async function chaos(...args: readonly string[]): Promise<{ readonly code: number | string; readonly report: string }> {
  const evidence = join(newDirectory('evidence'), 'e');
  const words = ['--import', 'tsx', treePath('chaos', 'main.ts'), '--evidence', evidence, ...args];
  const { code, stdout, stderr } = await tryCommand(process.execPath, words, { timeoutMs: RUN_MS });
  return { code, report: `${stdout}${stderr}` };
}

test(
  'operations end as they should under faults of every part',
  async () => {
    const { code, report } = await chaos('--seed', '1', '--seconds', '20');
    expect(report).toMatch(/nothing was wrong/);
    expect(report).toMatch(/^[1-9]\d* faults$/m);
    expect(code).toBe(0);
  },
  RUN_MS,
);

test(
  'a defect is found: devices that are free before their user has stopped',
  async () => {
    const words = [
      '--seconds',
      '45',
      '--plant',
      'early-release',
      '--callers',
      'scarce',
      '--faults',
      'image-remove',
      '--first-only',
    ];
    const { code, report } = await chaos('--seed', '1', ...words);
    expect(report).toMatch(/^VIOLATION.*was started with GPU-\S+, with which \w+ still ran/m);
    expect(code).toBe(1);
  },
  RUN_MS,
);
