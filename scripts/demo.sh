#!/usr/bin/env bash
# demo.sh [--keep] [--stop] [--fault NAME]: sets up all that the demo needs and runs it, on a real Docker Engine.
#   --keep   leaves the service, its container and a private engine running, to be tried by hand
#   --stop   ends what --keep left
#   --fault  plants a fault that the demo must notice (see demo/main.ts); then it ends with an error
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DEMO=$DATA/demo
KEEP='' STOP='' FAULT=none
while [ $# -gt 0 ]; do
  case $1 in
    --keep) KEEP=1 ;;
    --stop) STOP=1 ;;
    --fault) FAULT=${2:?--fault needs a name} && shift ;;
    *) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
  esac
  shift
done

# The service of a run that was cut off, or that --keep left. A process id may be somebody else's by now.
end_service() {
  local pid
  pid=$(cat "$DEMO/service.pid" 2>/dev/null) || return 0
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$ROOT/dist/cli.js serve"; then
    say "ending the service of a former run (process $pid)"
    kill -TERM "$pid"
    until_true 30 test ! -d "/proc/$pid" || kill -KILL "$pid"
  fi
  rm -f "$DEMO/service.pid"
}

owner_of() { docker_at "$1" volume inspect --format '{{index .Labels "longshore.control-plane"}}' longshore-owner 2>/dev/null; }

# Somebody else's engine is not touched. What a former run claimed is known by its data, which is still there.
refuse_foreign() {
  [ -d "$DEMO/data" ] || ! owner_of "$1" >/dev/null ||
    fail "the engine at $1 belongs to another Longshore (its volume longshore-owner says so)." \
      "Set DOCKER_HOST to another engine, or remove that volume if that Longshore is gone for good."
}

# Everything of ours that is not a container; those the service has deleted.
disown() {
  local owner
  owner=$(owner_of "$1") && [ -n "$owner" ] || return 0
  docker_at "$1" network ls -q --filter "label=longshore.control-plane=$owner" | xargs -r -n1 "$(command -v docker)" -H "$1" network rm >/dev/null
  docker_at "$1" volume rm longshore-owner >/dev/null
}

set_up() {
  "$SETUP/node.sh"
  "$SETUP/packages.sh" busybox redis-server
  say "building"
  bash "$ROOT/scripts/build.sh" </dev/null >&2
  end_service
}

run() {
  node --import tsx "$ROOT/demo/main.ts" --dir "$DEMO" --engine "$ENGINE" "$@" </dev/null
}

cd "$ROOT"
lock_run demo
mkdir -p "$DEMO"
set_up 9>&-
ENGINE=$("$SETUP/docker-host.sh" "$DEMO/engine" 9>&-)
refuse_foreign "$ENGINE"
if [ -n "$STOP" ]; then
  if [ -d "$DEMO/data" ]; then run --clean-up 9>&-; fi
  CODE=0
else
  "$SETUP/images.sh" "$ENGINE" 9>&-
  if run ${KEEP:+--keep} --fault "$FAULT" 9>&-; then CODE=0; else CODE=$?; fi
fi
if [ -z "$KEEP" ]; then
  disown "$ENGINE"
  "$SETUP/engine.sh" stop "$DEMO/engine" 9>&-
  rm -rf -- "$DEMO"
fi
exit "$CODE"
