#!/usr/bin/env bash
# Generates gen/ from proto/: TypeScript for the server and its clients, and the descriptors that reflection serves.
# gen/ is committed, so that a change of the wire is seen in review. Needs no network.
# Usage: scripts/generate.sh [directory to write gen/ below; default: the repository]
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-.}
google=node_modules/google-proto-files/google
mkdir -p "$out/gen"

npx --no-install buf generate -o "$out"
npx --no-install buf build --as-file-descriptor-set --exclude-source-info -o "$out/gen/descriptors.binpb" \
  --path proto/longshore --path $google/rpc/status.proto --path $google/rpc/error_details.proto \
  --path node_modules/grpc-health-check/proto/health --path node_modules/@grpc/reflection/build/proto/grpc/reflection/v1
