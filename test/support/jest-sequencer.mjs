/**
 * The order in which test files start: projects whose tests wait for processes and leases first, unit tests last, so that
 * no worker is alone with a long one at the end. Jest's own order goes by the durations of the last run, and by the size
 * of the file where there was none, as on a fresh clone; our longest tests are short files.
 *
 * In the full run the crash tests come last: they take most of an hour and all of the machine, and tests that hold
 * answers against the clock are not to run beside them.
 */
const ORDER = process.env.LONGSHORE_TEST_FULL
  ? ['integration', 'rpc', 'unit', 'chaos']
  : ['chaos', 'integration', 'rpc', 'unit'];

export default class Sequencer {
  sort(tests) {
    const rank = (test) => ORDER.indexOf(test.context.config.displayName?.name);
    return [...tests].sort((one, other) => rank(one) - rank(other) || one.path.localeCompare(other.path));
  }

  /** Called by Jest for --onlyFailures. */
  allFailedTests() {
    throw new Error('the results of former runs are not kept: name the test files');
  }

  /** Called by Jest at the end of a run; nothing of it is needed for the next. */
  cacheResults() {}
}
