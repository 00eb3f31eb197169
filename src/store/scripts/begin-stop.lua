-- The beginning of a Stop: the route, under a new version, lets nobody in any more. Nothing is done for an operation that has been asked to stop.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity, route}
-- Returns the version | CANCELLED
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease state routes

local settled = settle(args.key)
if settled then return settled end

local operation = running_operation()
if operation and operation.cancelRequested == 1 then return conclude(args.key, 'CANCELLED') end

local version = publish_route()
store_state(operation)
return conclude(args.key, version)
