-- Remembers that we have pulled an image to a host where it was not.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, host, imageId, reference}
-- Returns OK
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease

local settled = settle(args.key)
if settled then return settled end

local name = key('pulled-images', args.host)
local stored = redis.call('HGET', name, args.imageId)
local image = stored and cjson.decode(stored) or { v = FORMAT, references = {} }
local known = false
for _, reference in ipairs(image.references) do known = known or reference == args.reference end
if not known then image.references[#image.references + 1] = args.reference end
image.usedAt = now
redis.call('HSET', name, args.imageId, cjson.encode(image))
return conclude(args.key, OK)
