-- Parks a key whose work fails again and again, and lets its container's record say so.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId?, state?}
-- Returns OK
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease state trouble

local settled = settle(args.key)
if settled then return settled end

local trouble = trouble_of(args.key)
if trouble then
  if trouble[T.PARKED_AT] == 0 then trouble[T.PARKED_AT] = now end
  if args.containerId and redis.call('EXISTS', key('container', args.containerId)) == 1 then
    trouble[T.NOTED] = 1
    store_state()
  end
  store_trouble(args.key, trouble)
end
return conclude(args.key, OK)
