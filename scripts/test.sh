#!/usr/bin/env bash
# test.sh [ARGUMENT-OF-JEST]...: sets up all that the tests need and runs them. The last line is "N passed, N failed".
# LONGSHORE_TEST_FULL=1 (npm run test:full) adds what takes too long for every run.
#
# Tests plant faults and claim engines, so they have a private engine wherever that is possible, rather than one that
# happens to run on this machine; an engine at DOCKER_HOST was named on purpose, and is used.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SUMMARY='0 passed, 1 failed'
PASSED=''
JEST='' PACKAGES=''

# Sockets are made below it, and their paths must be short.
RUN=$DATA/t
[ ${#RUN} -le 48 ] || RUN=/tmp/longshore-test-$(hash_of "$ROOT")
REPORT=$DATA/jest.json

# Whatever happened before: nothing of the run stays, and the count is the last line.
finish() {
  local code=$?
  trap - ERR
  trap '' INT TERM HUP # a second Ctrl-C must not leave half of it behind
  set +e
  [ -z "$JEST" ] || kill -TERM "$JEST" 2>/dev/null
  [ -z "$PACKAGES" ] || { kill -TERM "$PACKAGES" 2>/dev/null; wait "$PACKAGES"; }
  "$SETUP/sweep.sh" "$RUN" --processes 9>&- || { say "clearing up failed; see above" && PASSED='' SUMMARY='0 passed, 1 failed'; }
  printf '%s\n' "$SUMMARY"
  [ -n "$PASSED" ] && exit 0
  exit $((code == 0 ? 1 : code))
}

# What apt downloads and unpacks does not wait for what npm downloads and we build, nor the other way round.
set_up() {
  "$SETUP/packages.sh" dockerd docker containerd busybox ip iptables openssl redis-server docker-registry faketime &
  PACKAGES=$!
  "$SETUP/node.sh"
  say "building"
  bash "$ROOT/scripts/build.sh" </dev/null >&2
  wait "$PACKAGES" || { PACKAGES='' && fail "the commands that the tests need are not all there; see above"; }
  PACKAGES=''
  is_root || fail "the tests start Docker Engines in network namespaces of their own, for which they need root"
  "$SETUP/sweep.sh" "$RUN" --processes # of an aborted run
  mkdir -p -m 700 "$RUN" "$RUN/memory"
  # Redis waits for its disk at every write, and would fail a test whose neighbour keeps the disk busy.
  mount -t tmpfs -o mode=700,size=2g longshore "$RUN/memory"
}

start_engine() {
  if [ -n "${DOCKER_HOST:-}" ]; then
    ENGINE=$("$SETUP/docker-host.sh" "$RUN/engine")
  else
    say "starting a private Docker Engine for the tests"
    ENGINE=$(LONGSHORE_RUN=$RUN "$SETUP/engine.sh" start "$RUN/engine")
  fi
  "$SETUP/images.sh" "$ENGINE"
}

# The settings of a person's own service must not reach the services that tests start.
forget_settings() {
  local name
  for name in $(compgen -e); do
    case $name in
      LONGSHORE_TEST_FULL) ;;
      LONGSHORE_* | DOCKER_* | REDIS_URL) unset "$name" ;;
    esac
  done
}

# More at a time than there are processors: tests wait for leases, deadlines and engines about half of their time.
run_jest() {
  forget_settings
  export LONGSHORE_RUN=$RUN LONGSHORE_TEST_DOCKER_HOST=$ENGINE TMPDIR=$RUN
  exec node "$ROOT/node_modules/jest/bin/jest.js" --rootDir "$ROOT" --ci --maxWorkers=4 \
    --cacheDirectory "$DATA/jest-cache" --json --outputFile "$REPORT" "$@" </dev/null >/dev/null
}

# Sets SUMMARY; false unless at least one test ran and everything went well.
count() {
  SUMMARY=$(node -e '
    const report = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    // A file that cannot be loaded is a failure that has no test.
    const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
    const left = report.numPendingTests + report.numTodoTests;
    if (left > 0) console.error(`[longshore] ${left} skipped`);
    console.log(`${report.numPassedTests} passed, ${failed} failed`);
    process.exitCode = report.numPassedTests > 0 && failed === 0 ? 0 : 1;' "$REPORT") && return
  [ -n "$SUMMARY" ] || SUMMARY='0 passed, 1 failed'
  return 1
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$ROOT"
lock_run test
{
  set_up
  start_engine
} 9>&-
rm -f "$REPORT"
# In the background, because a shell that waits for a foreground program does not hear its signals.
(run_jest "$@") 9>&- &
JEST=$!
if wait "$JEST"; then RAN=1; else RAN=''; fi
JEST=''
if count && [ -n "$RAN" ]; then PASSED=1; fi
