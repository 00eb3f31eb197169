-- One reading of a container and of everything that planning it depends on.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, containerId}
-- Returns {surroundings, container} as lib/loading has them; the container is empty where it is gone
-- Errors  LEASE_LOST
-- include: indexes loading

local held = redis.call('HMGET', key('lease', args.key), 'fence', 'token')
if held[1] ~= tostring(args.fence) or held[2] ~= args.token then return redis.error_reply('LEASE_LOST ' .. args.key) end

return { surroundings(), container_loaded(args.containerId) or {} }
