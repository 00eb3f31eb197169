-- Makes a work key due no later than at `at`. While it is leased its holder is told instead, and the release makes it due. Returns whether
-- somebody is to be told now.
local function make_due(work_key, at)
  local lease = key('lease', work_key)
  if redis.call('EXISTS', lease) == 1 then
    local known = tonumber(redis.call('HGET', lease, 'wake') or '')
    if not known or at < known then redis.call('HSET', lease, 'wake', at) end
  else
    redis.call('ZADD', key('due'), 'LT', at, work_key)
  end
  return at <= now
end

-- Keys that became due or to whose holders something happened, in one message with spaces between.
local function tell(work_keys)
  if #work_keys > 0 then redis.call('PUBLISH', key('hints'), table.concat(work_keys, ' ')) end
end

local function wake_container(id)
  local work_key = 'container/' .. id
  make_due(work_key, now)
  tell({ work_key })
end

-- The version tells a container that was placing meanwhile, and so was not among those that wait, that it has to look again.
local function wake_waiting()
  redis.call('INCR', key('capacity-version'))
  for _, id in ipairs(redis.call('SMEMBERS', key('waiting'))) do wake_container(id) end
end
