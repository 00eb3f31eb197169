#!/usr/bin/env bash
# sweep.sh DIR [--processes]: ends and deletes everything that a run with the directory DIR left: private engines at any
# depth below it, then DIR itself. With --processes it first kills the processes that have LONGSHORE_RUN=DIR in their
# environment or DIR in their arguments, this script and those above it aside.
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
    case $(cat "/proc/$pid/comm" 2>/dev/null) in dockerd | containerd* | docker-proxy | '') continue ;; esac
    kill -KILL "$pid" 2>/dev/null || :
  done
}

[ "${2:-}" != --processes ] || kill_processes
[ -d "$DIR" ] || exit 0
# -prune: an engine's own data is never searched.
find "$DIR" -maxdepth 5 -type d -exec test -e '{}/longshore-engine' \; -print -prune 2>/dev/null | while read -r engine; do
  "$SETUP/engine.sh" stop "$engine"
done
rm -rf --one-file-system -- "$DIR"
