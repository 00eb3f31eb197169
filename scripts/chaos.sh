#!/usr/bin/env bash
# chaos.sh [--seed N] [--minutes M]: sets up all that the chaos run needs, and runs it: three engines, several processes of each role,
# operations and faults as the seed decides, and a checker that looks on. What it does and how to read it: docs/chaos.md.
# Logs and all that was noted are in .longshore/chaos; the exit code is 1 where something was wrong, 2 where the run itself was.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/own-run.sh"

own_run chaos docker-registry "$@"
