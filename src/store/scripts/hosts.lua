-- All hosts, and all that is leased of them, as of one moment.
-- KEYS  1 root
-- ARGV  1 {}
-- Returns {{host, ...}, {instance id, device lease, ...}}
-- Errors  none

return { redis.call('HVALS', key('hosts')), redis.call('HGETALL', key('devices')) }
