-- What is known of a host, for who looks at it, and which fences Redis may have forgotten.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, name, as? (id of the control plane that asks)}
-- Returns {{now}, host, replicationId, gaps (JSON: [[above, up to], ...], oldest first)}; the host is empty where there is no record of it
-- Errors  LEASE_LOST (also where Redis is another control plane's, or nobody's)
-- include: fences

local held = redis.call('HMGET', key('lease', args.key), 'fence', 'token')
local other = args.as and redis.call('HGET', key('control-plane'), 'id') ~= args.as
if held[1] ~= tostring(args.fence) or held[2] ~= args.token or other then return redis.error_reply('LEASE_LOST ' .. args.key) end

local replication, gaps = leap_in_another_redis()
return { { now }, redis.call('HGET', key('hosts'), args.name) or '', replication, gaps }
