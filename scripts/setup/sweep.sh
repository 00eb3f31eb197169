#!/usr/bin/env bash
# sweep.sh DIR [--processes]: ends and deletes everything that a run with the directory DIR left: private engines at any
# depth below it, what is mounted there, then DIR itself. With --processes it first kills the processes that have
# LONGSHORE_RUN=DIR in their environment or DIR in their arguments, this script and those above it aside. What is left
# after all that is said, and is an error.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

DIR=$(realpath -m -- "$1")

# This process and its parents, up to init.
ancestors() {
  local pid=$$
  while [ "${pid:-0}" -gt 1 ]; do
    echo "$pid"
    pid=$(awk '/^PPid:/{print $2}' "/proc/$pid/status" 2>/dev/null || :)
  done
}

of_run() {
  {
    grep -lasxzF -e "LONGSHORE_RUN=$DIR" /proc/[0-9]*/environ 2>/dev/null || :
    grep -lasF -e "$DIR/" /proc/[0-9]*/cmdline 2>/dev/null || :
  } | cut -d/ -f3 | sort -u | grep -vxF -f <(ancestors) || :
}

kill_processes() {
  local pid
  for pid in $(of_run); do
    # Engines have their own way to end; docker-proxy and shims go with them.
    case $(cat "/proc/$pid/comm" 2>/dev/null || :) in dockerd | containerd* | docker-proxy | '') continue ;; esac
    kill -KILL "$pid" 2>/dev/null || :
  done
}

# Of those that of_run finds, some are its own and have ended; a zombie waits for its parent alone.
processes_left() {
  local pid
  for pid in $(of_run); do
    grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" || continue
    echo "process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
  done 2>/dev/null
}

# What an engine makes outside of its directory has a hash of that in its name.
engine_left() {
  local hash
  hash=$(hash_of "$1")
  ! ip link show "lsbr-$hash" >/dev/null 2>&1 || echo "network lsbr-$hash of $1"
  [ ! -e "/run/longshore-$hash" ] || echo "directory /run/longshore-$hash of $1"
  [ -z "${2:-}" ] || [ ! -e "/run/netns/$2" ] || echo "network namespace $2 of $1"
  find /sys/fs/cgroup -type d -name "longshore-$hash" -printf "control group %p of $1\n" 2>/dev/null || :
}

left() {
  local engine netns
  [ "$MODE" != --processes ] || processes_left
  awk -v dir="$DIR/" 'index($5, dir) == 1 { print "mount " $5 }' /proc/self/mountinfo
  while IFS=$'\t' read -r engine netns; do
    [ -z "$engine" ] || engine_left "$engine" "$netns"
  done < <(sort -u <<<"$ENGINES")
}

nothing_left() { LEFT=$(left) && [ -z "$LEFT" ]; }

MODE=${2:-}
ENGINES=$(cat "$DIR/engines" 2>/dev/null || :)
[ "$MODE" != --processes ] || kill_processes
# -prune: an engine's own data is never searched.
[ ! -d "$DIR" ] || find "$DIR" -maxdepth 5 -type d -exec test -e '{}/longshore-engine' \; -print -prune 2>/dev/null | while read -r engine; do
  "$SETUP/engine.sh" stop "$engine"
done
unmount_below "$DIR"
rm -rf --one-file-system -- "$DIR"
until_true 10 nothing_left || fail "this is left of $DIR:" "$LEFT"
