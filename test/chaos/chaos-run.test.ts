import { join } from 'node:path';
import { KEPT_SEEDS } from '../../chaos/kept-seeds.js';
import { treePath } from '../../src/paths.js';
import { tryCommand } from '../support/command.js';
import { FULL } from '../support/crash/judge.js';
import { newDirectory } from '../support/run-directory.js';

// Short runs of chaos/, and what they are worth: defects that are put into the product are found.

const RUN_MS = 600_000;

async function chaos(...args: readonly string[]): Promise<{ readonly code: number | string; readonly report: string }> {
  const evidence = join(newDirectory('evidence'), 'e');
  const words = ['--import', 'tsx', treePath('chaos', 'main.ts'), '--evidence', evidence, ...args];
  const { code, stdout, stderr } = await tryCommand(process.execPath, words, { timeoutMs: RUN_MS * KEPT_SEEDS.length });
  return { code, report: `${stdout}${stderr}` };
}

/** In every run of the tests those faults that a busy machine does not make longer. */
const LENGTH = FULL
  ? ['--seconds', '60']
  : ['--seconds', '10', '--faults', 'kill-worker,kill-api,container-kill,container-stop,redis-kill,engine-reset'];

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

// The crash runs see defects in less time, so that every run of the tests has some found.
if (FULL) {
  // Callers and faults with which what the defect does is seen soon, and what the checker then has to say.
  const RUNS = [
    {
      defect: 'devices are free before their user has stopped',
      plant: 'early-release',
      callers: 'scarce',
      faults: 'image-remove',
      found: /^VIOLATION.*was started with GPU-\S+, with which \w+ still ran/m,
    },
    {
      defect: 'whoever has lost its lease goes on writing',
      plant: 'no-fence-check',
      callers: 'quick',
      faults: 'late-worker',
      found:
        /^VIOLATION.*(has not ended|the last operation that succeeded made it|changed after its end|is ACTIVE, and should be)/m,
    },
    {
      defect: 'containers keep their names when others take over',
      plant: 'no-rename',
      callers: 'failing',
      faults: 'late-start',
      found: /^VIOLATION.*was started on \S+ at \S+, after the end of \w+/m,
    },
  ] as const;
  const wordsOf = ({ callers, faults }: (typeof RUNS)[number]) =>
    ['--seed', '1', '--callers', callers, '--faults', faults, '--first-only'] as const;

  test.each(RUNS)(
    'a defect is found: $defect',
    async (one) => {
      // Most of it is not needed in most runs: what is looked for takes a fault in the one moment that matters.
      const { code, report } = await chaos(...wordsOf(one), '--seconds', '240', '--plant', one.plant);
      expect(report).toMatch(one.found);
      expect(code).toBe(1);
    },
    RUN_MS,
  );

  test.each(RUNS)(
    'nothing is found with these callers and faults where it is not the case that $defect',
    async (one) => {
      const { code, report } = await chaos(...wordsOf(one), '--seconds', '45');
      expect(report).toMatch(/nothing was wrong/);
      expect(code).toBe(0);
    },
    RUN_MS,
  );

  test(
    'what was found once is not found again',
    async () => {
      const { code, report } = await chaos('--kept');
      expect(report.match(/^nothing was wrong$/gm)).toHaveLength(KEPT_SEEDS.length);
      expect(code).toBe(0);
    },
    RUN_MS * KEPT_SEEDS.length,
  );
}
