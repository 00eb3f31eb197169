-- Moves the device lease of one instance to another of the same container.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity, from, to}
-- Returns OK
-- Errors  LEASE_LOST, STALE_STEP, NO_DEVICES (`from` holds none: nothing was changed)
-- include: lease state placement-feed devices

local settled = settle(args.key)
if settled then return settled end

local lease, text = device_lease_of(args.from)
if not lease or redis.call('SISMEMBER', key('devices-of', args.containerId), args.from) == 0 then
  return redis.error_reply('NO_DEVICES ' .. args.from)
end
free_devices(args.containerId, args.to)
free_devices(args.containerId, args.from)
mark_devices(lease, args.to)
redis.call('HSET', key('devices'), args.to, text)
redis.call('SADD', key('devices-of', args.containerId), args.to)
store_state()
return conclude(args.key, OK)
