#!/usr/bin/env bash
# node.sh: installs the packages of package-lock.json when node_modules is missing or belongs to another lock file.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

has node && has npm || fail "Node.js 20.19 or later with npm is needed: see https://nodejs.org/"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "Node.js 20.19 or later is needed, this is $(node --version)"

# npm writes node_modules/.package-lock.json last, so a tree without it was never completed.
stamp=$ROOT/node_modules/.longshore-lock
wanted=$(sha256sum <"$ROOT/package-lock.json")
complete=$ROOT/node_modules/.package-lock.json
if [ -e "$complete" ] && [ ! -e "$stamp" ] && [ ! "$complete" -ot "$ROOT/package-lock.json" ]; then
  printf '%s\n' "$wanted" >"$stamp" # somebody ran npm by hand after the lock file was last written
fi
[ -e "$complete" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

say "installing npm packages (about 400, up to a minute or two)"
# Development packages are needed to build, whatever NODE_ENV says.
(cd "$ROOT" && npm ci --include=dev --no-audit --no-fund </dev/null >&2)
printf '%s\n' "$wanted" >"$stamp"
