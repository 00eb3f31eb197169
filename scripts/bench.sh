#!/usr/bin/env bash
# bench.sh [--json FILE] [--compare FILE] [--only NAME,NAME...] [--rounds N]: sets up all that the benchmark needs, and measures.
# What is measured, how, and what came of it: docs/performance.md.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BENCH=''
CALLED_IN=$PWD

# Sockets are made below it, and their paths must be short.
RUN=$DATA/b
[ ${#RUN} -le 48 ] || RUN=/tmp/longshore-bench-$(hash_of "$ROOT")

finish() {
  local code=$?
  trap - ERR
  trap '' INT TERM HUP
  set +e
  [ -z "$BENCH" ] || kill -TERM "$BENCH" 2>/dev/null
  "$SETUP/sweep.sh" "$RUN" --processes 9>&- || { say "clearing up failed; see above" && code=1; }
  exit "$code"
}

# The settings of a person's own service must not reach the services that are measured.
forget_settings() {
  local name
  for name in $(compgen -e); do
    case $name in LONGSHORE_* | DOCKER_* | REDIS_URL) unset "$name" ;; esac
  done
}

run_bench() {
  forget_settings
  cd "$CALLED_IN"
  export LONGSHORE_RUN=$RUN TMPDIR=$RUN
  exec node --import "$ROOT/node_modules/tsx/dist/loader.mjs" "$ROOT/bench/main.ts" "$@"
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$ROOT"
lock_run bench
{
  "$SETUP/node.sh"
  "$SETUP/packages.sh" dockerd docker containerd busybox ip iptables openssl redis-server h2load
  is_root || fail "the benchmark starts Docker Engines of its own, for which it needs root"
  "$SETUP/sweep.sh" "$RUN" --processes # of an aborted run
  mkdir -p -m 700 "$RUN"
  say "building"
  bash "$ROOT/scripts/build.sh" </dev/null >&2
} 9>&-
(run_bench "$@") 9>&- &
BENCH=$!
if wait "$BENCH"; then CODE=0; else CODE=$?; fi
BENCH=''
exit "$CODE"
