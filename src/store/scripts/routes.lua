-- All routes and the version up to which they are complete, as of one moment.
-- KEYS  1 root
-- ARGV  1 {}
-- Returns {version, {container id, route, ...}}
-- Errors  none

return { redis.call('GET', key('route-version')) or '0', redis.call('HGETALL', key('routes')) }
