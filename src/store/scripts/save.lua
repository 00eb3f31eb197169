-- Stores the worker's state of a container, what the image of a revision is, and the progress of the running operation.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity}
-- Returns OK | GONE
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease state

local settled = settle(args.key)
if settled then return settled end

if redis.call('EXISTS', key('container', args.containerId)) == 0 then return conclude(args.key, 'GONE') end
store_state()
return conclude(args.key, OK)
