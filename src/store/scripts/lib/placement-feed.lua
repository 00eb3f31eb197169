-- By which processes keep up with the hosts and with what is leased of them. Each change gets the next version; of each host and each device
-- lease the feed has the last one.
local FEED_LENGTH = 4096

-- `hash` is hosts or devices, `field` what changed in it.
local function feed(hash, field)
  local name = key('placement-feed')
  redis.call('ZADD', name, redis.call('INCR', key('placement-version')), hash .. '/' .. field)
  redis.call('ZREMRANGEBYRANK', name, 0, -FEED_LENGTH - 1)
end

-- Whether all changes after `since` are in the feed. Nothing is ever taken from one that is not full.
local function feed_reaches(since, version)
  if since == 0 or since > version then return false end
  if redis.call('ZCARD', key('placement-feed')) < FEED_LENGTH then return true end
  local oldest = tonumber(redis.call('ZRANGE', key('placement-feed'), 0, 0, 'WITHSCORES')[2])
  return since >= oldest - 1
end
