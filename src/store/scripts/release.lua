-- Gives a key back. A lease that is not held any more (lost, or given back before) is left as it is.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, delayMs?, clean}
-- Returns OK
-- Errors  none

local lease = key('lease', args.key)
local held = redis.call('HMGET', lease, 'fence', 'token', 'wake')
if held[1] ~= tostring(args.fence) or held[2] ~= args.token then return OK end

local due = args.delayMs and now + args.delayMs or nil
local wake = tonumber(held[3] or '')
if wake and (not due or wake < due) then due = wake end
redis.call('DEL', lease)
redis.call('ZREM', key('lapse'), args.key)
redis.call(args.clean and 'SREM' or 'SADD', key('unclean'), args.key)
if due then
  redis.call('ZADD', key('due'), due, args.key)
  if due <= now then redis.call('PUBLISH', key('hints'), args.key) end
end
return OK
