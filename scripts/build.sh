#!/usr/bin/env bash
# Builds dist/: the same tree as the repository's, compiled, with the files that travel with the code. Needs `npm ci` and no
# network.
set -euo pipefail
cd "$(dirname "$0")/.."

# gen/ is committed; it is made anew only when something that it is made from is newer.
if [ ! -e gen/descriptors.binpb ] || [ -n "$(find proto buf.yaml buf.gen.yaml scripts/generate.sh -newer gen/descriptors.binpb -print -quit)" ]; then
  bash scripts/generate.sh
fi

# Built beside the old one and swapped at the end: a build that fails leaves the old one as it was, never half a tree.
new=$(mktemp -d ./.dist.XXXXXX)
trap 'rm -rf "$new"' EXIT
npx --no-install tsc -p tsconfig.build.json --outDir "$new"

cp package.json "$new/"
cp gen/descriptors.binpb "$new/gen/"
if [ -d src/store/scripts ]; then
  mkdir -p "$new/src/store"
  cp -R src/store/scripts "$new/src/store/"
fi
printf '#!/usr/bin/env node\nimport "./src/cli.js";\n' > "$new/cli.js"
chmod 755 "$new" "$new/cli.js"

rm -rf dist
mv "$new" dist
