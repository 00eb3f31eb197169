-- Writes the container's route under a new version, together with the state that may name it.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity, route}
-- Returns the version | GONE
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease state routes

local settled = settle(args.key)
if settled then return settled end
if redis.call('EXISTS', key('container', args.containerId)) == 0 then return conclude(args.key, 'GONE') end

local version = publish_route()
store_state()
return conclude(args.key, version)
