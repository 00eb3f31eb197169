-- What is known of a host, for who looks at it.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, name}
-- Returns {{now}, host}; the host is empty where there is no record of it
-- Errors  LEASE_LOST

local held = redis.call('HMGET', key('lease', args.key), 'fence', 'token')
if held[1] ~= tostring(args.fence) or held[2] ~= args.token then return redis.error_reply('LEASE_LOST ' .. args.key) end

return { { now }, redis.call('HGET', key('hosts'), args.name) or '' }
