-- Stores a host's record. Where it offers something else than before, wakes the containers that wait for capacity.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, name, host, capacity}
-- Returns OK
-- Errors  LEASE_LOST, STALE_STEP
-- include: work lease placement-feed

local settled = settle(args.key)
if settled then return settled end

redis.call('HSET', key('hosts'), args.name, args.host)
feed('hosts', args.name)
if redis.call('HGET', key('host-capacity'), args.name) ~= args.capacity then
  redis.call('HSET', key('host-capacity'), args.name, args.capacity)
  wake_waiting()
end
return conclude(args.key, OK)
