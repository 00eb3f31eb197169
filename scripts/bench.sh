#!/usr/bin/env bash
# bench.sh [--json FILE] [--compare FILE] [--only NAME,NAME...] [--rounds N]: sets up all that the benchmark needs, and measures.
# What is measured, how, and what came of it: docs/performance.md.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/own-run.sh"

own_run bench h2load "$@"
