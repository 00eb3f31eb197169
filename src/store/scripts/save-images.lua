-- Of the images that we have pulled to a host, some are in use now, and some are gone.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, name, used: [image id], gone: [image id]}
-- Returns OK
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease

local settled = settle(args.key)
if settled then return settled end

local name = key('pulled-images', args.name)
for _, id in ipairs(args.used) do
  local stored = redis.call('HGET', name, id)
  if stored then
    local image = cjson.decode(stored)
    image.usedAt = now
    redis.call('HSET', name, id, cjson.encode(image))
  end
end
for _, id in ipairs(args.gone) do redis.call('HDEL', name, id) end
return conclude(args.key, OK)
