#!/usr/bin/env bash
# released-api.sh check: fails where proto/ would break a client of the API in proto/released.binpb.
# released-api.sh move [--breaking]: makes the API as it is now the released one. Do so with every release, and earlier where
#   somebody may already use what was added: until then an addition may still be changed. What breaks clients is not taken
#   unless --breaking says that this is meant.
# The released API is a file of its own, not a commit: continuous integration may have no history to look at.
set -euo pipefail
cd "$(dirname "$0")/.."
RELEASED=proto/released.binpb

check() { npx --no-install buf breaking proto --against "$RELEASED" --exclude-imports; }

case ${1:-}:${2:-} in
  check:) check ;;
  move: | move:--breaking)
    if [ "${2:-}" != --breaking ] && ! check; then
      echo 'this breaks clients of the released API; nothing was changed' >&2
      exit 1
    fi
    # Renamed at the end: a build that fails leaves the old one.
    npx --no-install buf build proto --exclude-source-info -o "$RELEASED.new.binpb"
    mv "$RELEASED.new.binpb" "$RELEASED"
    ;;
  *) sed -n '2,/unless/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
