#!/usr/bin/env bash
# chaos.sh [--seed N] [--minutes M]: sets up all that the chaos run needs, and runs it: three engines, several processes of each role,
# operations and faults as the seed decides, and a checker that looks on. What it does and how to read it: docs/chaos.md.
# Logs and all that was noted are in .longshore/chaos; the exit code is 1 where something was wrong, 2 where the run itself was.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CHAOS=''
CALLED_IN=$PWD

# Sockets are made below it, and their paths must be short.
RUN=$DATA/c
[ ${#RUN} -le 48 ] || RUN=/tmp/longshore-chaos-$(hash_of "$ROOT")

finish() {
  local code=$?
  trap - ERR
  trap '' INT TERM HUP
  set +e
  [ -z "$CHAOS" ] || kill -TERM "$CHAOS" 2>/dev/null
  "$SETUP/sweep.sh" "$RUN" --processes 9>&- || { say "clearing up failed; see above" && code=1; }
  exit "$code"
}

# The settings of a person's own service must not reach the processes of the run.
forget_settings() {
  local name
  for name in $(compgen -e); do
    case $name in LONGSHORE_* | DOCKER_* | REDIS_URL) unset "$name" ;; esac
  done
}

run_chaos() {
  forget_settings
  cd "$CALLED_IN"
  export LONGSHORE_RUN=$RUN TMPDIR=$RUN
  exec node --import "$ROOT/node_modules/tsx/dist/loader.mjs" "$ROOT/chaos/main.ts" "$@"
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$ROOT"
lock_run chaos
{
  "$SETUP/node.sh"
  "$SETUP/packages.sh" dockerd docker containerd busybox ip iptables openssl redis-server docker-registry
  is_root || fail "the chaos run starts Docker Engines of its own, for which it needs root"
  "$SETUP/sweep.sh" "$RUN" --processes # of an aborted run
  mkdir -p -m 700 "$RUN"
  say "building, where something has changed"
  bash "$ROOT/scripts/build.sh" --if-needed </dev/null >&2
} 9>&-
(run_chaos "$@") 9>&- &
CHAOS=$!
if wait "$CHAOS"; then CODE=0; else CODE=$?; fi
CHAOS=''
exit "$CODE"
