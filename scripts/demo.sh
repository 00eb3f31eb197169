#!/usr/bin/env bash
# demo.sh [--keep | --stop] [--dir DIR] [--fault NAME]: sets up all that the demo needs and runs it, on a real Docker Engine.
#   --keep   leaves the service, its container and a private engine running, to be tried by hand
#   --stop   ends what --keep left, and nothing else
#   --dir    where everything of the run lives, .longshore/demo by default; deleted at the end
#   --fault  plants a fault that the demo must notice (see demo/main.ts); then it ends with an error
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DEMO=$DATA/demo
# Sockets are made below it, and their paths must be short.
[ ${#DEMO} -le 64 ] || DEMO=/tmp/longshore-demo-$(hash_of "$ROOT")
ENGINE='' KEYSPACE='' KEEP='' STOP='' FAULT=none NODE=''

usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --keep) KEEP=1 ;;
    --stop) STOP=1 ;;
    --dir) DEMO=$(realpath -m -- "${2:?--dir needs a directory}") && shift ;;
    --fault) FAULT=${2:?--fault needs a name} && shift ;;
    *) usage ;;
  esac
  shift
done

# Processes of this demo: `serve` on its data, or the program that runs the job. They are known by the directory, never by a
# process id from a file, which may be somebody else's by now.
processes_of() {
  local file
  case $1 in
    service) grep -lasxzF "LONGSHORE_DATA_DIR=$DEMO/data" /proc/[0-9]*/environ || : ;;
    job) grep -lasxzF "$DEMO" /proc/[0-9]*/cmdline || : ;;
  esac | while read -r file; do
    { tr '\0' ' ' <"${file%/*}/cmdline" | grep -qE "$2" && echo "${file//[!0-9]/}"; } 2>/dev/null || :
  done
}

gone() { [ -z "$(processes_of "$@")" ]; }

# What a run that was cut off, or --keep, left running. The job goes first, since its end would clean up under the next one.
end_former() {
  local pid
  for pid in $(processes_of job 'demo/main\.ts --dir'); do kill -KILL "$pid" 2>/dev/null || :; done
  until_true 10 gone job 'demo/main\.ts --dir' || :
  for pid in $(processes_of service 'cli\.js serve'); do
    say "ending the service of a former run (process $pid)"
    kill -TERM "$pid" 2>/dev/null || :
  done
  until_true 30 gone service 'cli\.js serve' && return
  for pid in $(processes_of service 'cli\.js serve'); do kill -KILL "$pid" 2>/dev/null || :; done
}

owner_of() { DOCKER_SECONDS=20 docker_at "$1" volume inspect --format '{{index .Labels "longshore.control-plane"}}' longshore-owner 2>/dev/null; }

# Somebody else's engine is not touched.
refuse_foreign() {
  ! owner_of "$1" >/dev/null ||
    fail "the engine at $1 belongs to another Longshore (its volume longshore-owner says so)." \
      "Set DOCKER_HOST to another engine, or remove that volume if that Longshore is gone for good."
}

# The id of the demo's control plane. Its service logs it before it claims an engine, so a claim without that line is not ours.
own_id() {
  sed -n 's/.*"controlPlaneId":"\([^"]*\)".*"engines are claimed by this control plane".*/\1/p' "$DEMO/service.log" 2>/dev/null |
    head -n 1
}

# Removes what is labelled as ours from the engine that was taken: containers where the service could not, then the network
# and the claim. An engine that is not claimed by this demo is left as it is.
disown() {
  local engine owner id
  [ -s "$DEMO/endpoint" ] || return 0
  engine=$(cat "$DEMO/endpoint")
  owner=$(owner_of "$engine") && [ -n "$owner" ] && [ "$owner" = "$(own_id)" ] || return 0
  for id in $(docker_at "$engine" container ls -aq --filter "label=longshore.control-plane=$owner"); do
    docker_at "$engine" container rm -f "$id" >/dev/null
  done
  for id in $(docker_at "$engine" network ls -q --filter "label=longshore.control-plane=$owner"); do
    docker_at "$engine" network rm "$id" >/dev/null
  done
  docker_at "$engine" volume rm longshore-owner >/dev/null
}

# A Redis at REDIS_URL may hold anything, another Longshore too. The demo has keys there whose first part nobody else has, and
# notes it before the first one is written, with the URL: whoever clears up may not have it in the environment.
use_redis() {
  [ -n "${REDIS_URL:-}" ] || return 0
  KEYSPACE=longshore-demo-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
  (umask 077 && printf '%s\n%s\n' "$KEYSPACE" "$REDIS_URL" >"$DEMO/redis")
  say "using the Redis at REDIS_URL; all keys of the demo begin with {$KEYSPACE} and are deleted at the end"
}

forget_redis() {
  local keyspace url
  [ -s "$DEMO/redis" ] || return 0
  { read -r keyspace && read -r url; } <"$DEMO/redis"
  REDIS_URL=$url node --import tsx "$ROOT/demo/forget-keyspace.ts" "$keyspace" </dev/null >&2 ||
    say "the demo's keys in the Redis at REDIS_URL are still there; they begin with {$keyspace}"
}

# A run begins without the data of a former one.
clear_former() {
  end_former
  disown
  forget_redis
  rm -rf -- "$DEMO/data" "$DEMO/endpoint" "$DEMO/service.log" "$DEMO/redis"
}

set_up() {
  local commands=(busybox)
  [ -n "${REDIS_URL:-}" ] || commands+=(redis-server)
  "$SETUP/node.sh"
  "$SETUP/packages.sh" "${commands[@]}"
  say "building, where something has changed"
  bash "$ROOT/scripts/build.sh" --if-needed </dev/null >&2
}

run() { exec node --import tsx "$ROOT/demo/main.ts" --dir "$DEMO" --engine "$ENGINE" ${KEYSPACE:+--keyspace "$KEYSPACE"} "$@" </dev/null; }

finish() {
  local code=$?
  trap - ERR
  trap '' INT TERM HUP # a second Ctrl-C must not leave half of it behind
  set +e
  if [ -n "$NODE" ]; then
    kill -TERM "$NODE" 2>/dev/null
    wait "$NODE"
  fi
  if [ "$code" != 0 ] && [ -s "$DEMO/service.log" ]; then
    cp "$DEMO/service.log" "$DEMO.log" && say "the service's log is in $DEMO.log"
  fi
  if [ -n "$KEEP" ]; then exit "$code"; fi
  clear_former 9>&-
  "$SETUP/engine.sh" stop "$DEMO/engine" 9>&-
  rm -rf -- "$DEMO"
  exit "$code"
}

# Everything in it is deleted at the end, so it must be ours.
claim_directory() {
  [ ! -e "$DEMO" ] || [ -e "$DEMO/longshore-demo" ] || [ -z "$(ls -A "$DEMO")" ] ||
    fail "$DEMO holds something that is not of this demo; name another directory"
  mkdir -p -m 700 "$DEMO"
  touch "$DEMO/longshore-demo"
}

cd "$ROOT"
lock_run "demo-$(hash_of "$DEMO")"
claim_directory
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
clear_former 9>&-
[ -z "$STOP" ] || exit 0
set_up 9>&-
use_redis
ENGINE=$("$SETUP/docker-host.sh" "$DEMO/engine" 9>&-)
refuse_foreign "$ENGINE"
echo "$ENGINE" >"$DEMO/endpoint"
"$SETUP/images.sh" "$ENGINE" 9>&-
# In the background, because a shell that waits for a foreground program does not hear its signals.
run ${KEEP:+--keep} --fault "$FAULT" 9>&- &
NODE=$!
CODE=0
wait "$NODE" || CODE=$?
NODE=''
exit "$CODE"
