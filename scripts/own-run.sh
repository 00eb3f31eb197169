# Sourced after lib.sh by what runs a program of ours on engines and a Redis of its own, below a directory that is swept before and afterwards.

# What runs now, to be ended with us.
PROGRAM=''
CALLED_IN=$PWD

# own_run NAME COMMANDS ARGUMENT...: sets up, runs NAME/main.ts and exits as it does. COMMANDS are those that it needs beside what every engine does.
own_run() {
  local name=$1 commands=$2
  shift 2
  # Sockets are made below it, and their paths must be short.
  RUN=$DATA/${name:0:1}
  [ ${#RUN} -le 48 ] || RUN=/tmp/longshore-$name-$(hash_of "$ROOT")
  trap finish_own_run EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  cd "$ROOT"
  lock_run "$name"
  {
    "$SETUP/node.sh"
    # shellcheck disable=SC2086 # a list of names
    "$SETUP/packages.sh" dockerd docker containerd busybox ip iptables openssl redis-server $commands
    is_root || fail "npm run $name starts Docker Engines of its own, for which it needs root"
    "$SETUP/sweep.sh" "$RUN" --processes # of an aborted run
    mkdir -p -m 700 "$RUN"
    say "building, where something has changed"
    bash "$ROOT/scripts/build.sh" --if-needed </dev/null >&2
  } 9>&-
  (start_program "$name/main.ts" "$@") 9>&- &
  PROGRAM=$!
  local code
  if wait "$PROGRAM"; then code=0; else code=$?; fi
  PROGRAM=''
  exit "$code"
}

start_program() {
  local program=$1
  shift
  forget_settings
  cd "$CALLED_IN"
  export LONGSHORE_RUN=$RUN TMPDIR=$RUN
  exec node --import "$ROOT/node_modules/tsx/dist/loader.mjs" "$ROOT/$program" "$@"
}

# The settings of a person's own service must not reach the processes of the run.
forget_settings() {
  local name
  for name in $(compgen -e); do
    case $name in LONGSHORE_* | DOCKER_* | REDIS_URL) unset "$name" ;; esac
  done
}

finish_own_run() {
  local code=$?
  trap - ERR
  trap '' INT TERM HUP
  set +e
  [ -z "$PROGRAM" ] || kill -TERM "$PROGRAM" 2>/dev/null
  "$SETUP/sweep.sh" "$RUN" --processes 9>&- || { say "clearing up failed; see above" && code=1; }
  exit "$code"
}
