-- Forgets what the work on a key met, and takes it out of its container's record.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId?, state?}
-- Returns OK
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease state trouble

local settled = settle(args.key)
if settled then return settled end

forget_trouble(args.key)
if args.containerId and redis.call('EXISTS', key('container', args.containerId)) == 1 then store_state() end
return conclude(args.key, OK)
