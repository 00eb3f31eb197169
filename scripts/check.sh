#!/usr/bin/env bash
# Everything that has to hold before a change is taken, except the tests: what CI runs, and all of it even after a failure.
# Prints one line a check, and the output of those that failed.
set -uo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

check() {
  local name=$1
  shift
  if "$@" >"$scratch/output" 2>&1; then
    echo "ok      $name"
  else
    echo "FAILED  $name"
    sed 's/^/          /' "$scratch/output"
    failed=1
  fi
}

generated() {
  bash scripts/generate.sh "$scratch/fresh" && diff -r gen "$scratch/fresh/gen"
}

check 'types' npx --no-install tsc -p tsconfig.json
check 'lint' npx --no-install eslint --max-warnings 0 .
check 'layering' npx --no-install depcruise --config .dependency-cruiser.mjs src test chaos
check 'dead code' npx --no-install knip
check 'format' npx --no-install biome check
check 'buf lint' npx --no-install buf lint
check 'buf format' npx --no-install buf format proto --diff --exit-code
check 'buf breaking' bash scripts/released-api.sh check
check 'generated code' generated
exit "$failed"
