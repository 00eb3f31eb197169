#!/usr/bin/env bash
# build.sh [--if-needed]: builds dist/: the same tree as the repository's, compiled, with the files that travel with the code.
# Needs `npm ci` and no network. With --if-needed, only if something that it is built from is newer than what is there.
set -euo pipefail
cd "$(dirname "$0")/.."

# One at a time: whoever waited finds what the other has built.
mkdir -p .longshore
exec 6>.longshore/build.lock
! command -v flock >/dev/null || flock 6

SOURCES=(src gen proto scripts/build.sh package.json package-lock.json tsconfig.json tsconfig.build.json)
if [ "${1:-}" = --if-needed ] && [ -e dist/cli.js ] && [ -z "$(find "${SOURCES[@]}" -newer dist/cli.js -print -quit)" ]; then
  exit
fi

# gen/ is committed; it is made anew only when something that it is made from is newer.
if [ ! -e gen/descriptors.binpb ] || [ -n "$(find proto buf.yaml buf.gen.yaml scripts/generate.sh -newer gen/descriptors.binpb -print -quit)" ]; then
  bash scripts/generate.sh
fi

# Built beside the old one and swapped at the end: a build that fails leaves the old one as it was, never half a tree.
new=$(mktemp -d ./.dist.XXXXXX)
trap 'rm -rf "$new"' EXIT
# First of all, because its date stands for the sources: what changes from here on is newer.
printf '#!/usr/bin/env node\nimport "./src/cli.js";\n' > "$new/cli.js"
npx --no-install tsc -p tsconfig.build.json --outDir "$new"

cp package.json "$new/"
cp gen/descriptors.binpb "$new/gen/"
if [ -d src/store/scripts ]; then
  mkdir -p "$new/src/store"
  cp -R src/store/scripts "$new/src/store/"
fi
chmod 755 "$new" "$new/cli.js"

rm -rf dist
mv "$new" dist
