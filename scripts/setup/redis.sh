#!/usr/bin/env bash
# redis.sh: makes sure that the service will find a Redis: the one at REDIS_URL, else a redis-server on PATH, which the
# service starts and supervises itself.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

if [ -n "${REDIS_URL:-}" ]; then
  say "using the Redis at REDIS_URL"
else
  "$SETUP/packages.sh" redis-server
fi
