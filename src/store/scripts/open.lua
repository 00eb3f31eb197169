-- Reads the control plane's id and the format of its records; the first one to ask makes them. An older format is raised,
-- a newer one is left for the caller to refuse.
-- KEYS  1 root
-- ARGV  1 {candidate}
-- Returns {id, format}
-- Errors  none

local plane = key('control-plane')
redis.call('HSETNX', plane, 'id', args.candidate)
local format = tonumber(redis.call('HGET', plane, 'format') or '0')
if format < FORMAT then redis.call('HSET', plane, 'format', FORMAT) end
return { redis.call('HGET', plane, 'id'), redis.call('HGET', plane, 'format') }
