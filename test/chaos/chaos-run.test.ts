import { join } from 'node:path';
import { treePath } from '../../src/paths.js';
import { tryCommand } from '../support/command.js';
import { FULL } from '../support/crash/judge.js';
import { newDirectory } from '../support/run-directory.js';

// A short run of chaos/, and what it is worth: a defect that is put into the product is found.

const RUN_MS = 600_000;

async function chaos(...args: readonly string[]): Promise<{ readonly code: number | string; readonly report: string }> {
  const evidence = join(newDirectory('evidence'), 'e');
  const words = ['--import', 'tsx', treePath('chaos', 'main.ts'), '--evidence', evidence, ...args];
  const { code, stdout, stderr } = await tryCommand(process.execPath, words, { timeoutMs: RUN_MS });
  return { code, report: `${stdout}${stderr}` };
}

/** In every run of the tests those faults that a busy machine does not make longer. */
const LENGTH = FULL
  ? ['--seconds', '60']
  : ['--seconds', '10', '--faults', 'kill-worker,kill-api,container-kill,container-stop'];

test(
  'operations end as they should while parts of the service and of what it runs die',
  async () => {
    const { code, report } = await chaos('--seed', '1', ...LENGTH);
    expect(report).toMatch(/nothing was wrong/);
    expect(report).toMatch(/^[1-9]\d* faults$/m);
    expect(code).toBe(0);
  },
  RUN_MS,
);

// The crash runs see the same defect in less time, so that every run of the tests has it found.
if (FULL) {
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
}
