-- Records what a revision's image is.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, revisionId, image}
-- Returns OK | GONE
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease indexes

local settled = settle(args.key)
if settled then return settled end

local revision = revision_of(args.revisionId)
if not revision or revision.containerId ~= args.containerId then return conclude(args.key, 'GONE') end
redis.call('HSET', key('revision', args.revisionId), 'v', FORMAT, 'image', args.image)
return conclude(args.key, OK)
