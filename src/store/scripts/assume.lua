-- A control plane that holds nothing yet takes the place of another, whose Redis is gone: its engines, and what runs on them, become this one's. What was
-- seen of hosts so far was seen as a stranger, and is forgotten; who is looking at one loses its lease.
-- KEYS  1 root
-- ARGV  1 {own, former}
-- Returns OK (also where it was done before) | HOLDS (instances of its own hold devices: nothing was changed) | OTHER (this Redis is not `own`'s)
-- Errors  none
-- include: work placement-feed

local plane = key('control-plane')
local id = redis.call('HGET', plane, 'id')
if id == args.former then return OK end
if id ~= args.own then return 'OTHER' end
if redis.call('HLEN', key('devices')) > 0 then return 'HOLDS' end

redis.call('HSET', plane, 'id', args.former)
for _, name in ipairs(redis.call('HKEYS', key('hosts'))) do
  local work_key = 'host/' .. name
  redis.call('HDEL', key('hosts'), name)
  feed('hosts', name)
  redis.call('DEL', key('lease', work_key))
  redis.call('ZREM', key('lapse'), work_key)
  make_due(work_key, now)
end
redis.call('DEL', key('host-capacity'))
return OK
