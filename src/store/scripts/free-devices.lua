-- Ends the device lease of an instance that is confirmed not to run, and wakes the containers that wait for capacity.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity, instanceId}
-- Returns OK
-- Errors  LEASE_LOST, STALE_STEP
-- include: work lease state placement-feed devices

local settled = settle(args.key)
if settled then return settled end

if redis.call('SISMEMBER', key('devices-of', args.containerId), args.instanceId) == 1 then
  free_devices(args.containerId, args.instanceId)
  wake_waiting()
end
if redis.call('EXISTS', key('container', args.containerId)) == 1 then store_state() end
return conclude(args.key, OK)
