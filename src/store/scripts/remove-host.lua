-- Forgets what a host is. What is leased there stays leased: it counts again should the host come back.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, name}
-- Returns OK
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease placement-feed

local settled = settle(args.key)
if settled then return settled end

redis.call('HDEL', key('hosts'), args.name)
feed('hosts', args.name)
redis.call('HDEL', key('host-capacity'), args.name)
redis.call('DEL', key('pulled-images', args.name))
return conclude(args.key, OK)
