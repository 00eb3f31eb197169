#!/usr/bin/env bash
# node.sh: installs the packages of package-lock.json when node_modules is missing or does not have them.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

has node && has npm || fail "Node.js 20.19 or later with npm is needed: see https://nodejs.org/"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "Node.js 20.19 or later is needed, this is $(node --version)"

# npm ends an installation by writing what it installed, so a tree without that file was never completed. Packages for
# other platforms are in package-lock.json only, as optional ones.
complete() {
  [ -e "$ROOT/node_modules/.package-lock.json" ] && node -e '
    const [wanted, installed] = process.argv.slice(1).map((file) => JSON.parse(require("fs").readFileSync(file)).packages);
    const same = ([path, { version, optional, devOptional }]) =>
      path === "" || (installed[path] ? installed[path].version === version : optional || devOptional);
    process.exit(Object.entries(wanted).every(same) ? 0 : 1);' "$ROOT/package-lock.json" "$ROOT/node_modules/.package-lock.json"
}

complete && exit 0
say "installing npm packages (about 500, up to a minute or two)"
# Development packages are needed to build, whatever NODE_ENV says.
(cd "$ROOT" && npm ci --include=dev --no-audit --no-fund </dev/null >&2)
