-- Makes a work key due no later than at `at`. While it is leased its holder is told instead, and the release makes it due.
local function wake(work_key, at)
  local lease = key('lease', work_key)
  if redis.call('EXISTS', lease) == 1 then
    local known = tonumber(redis.call('HGET', lease, 'wake') or '')
    if not known or at < known then redis.call('HSET', lease, 'wake', at) end
  else
    redis.call('ZADD', key('due'), 'LT', at, work_key)
  end
  if at <= now then redis.call('PUBLISH', key('hints'), work_key) end
end

local function wake_container(id)
  wake('container/' .. id, now)
end

-- The version tells a container that was placing meanwhile, and so was not among those that wait, that it has to look again.
local function wake_waiting()
  redis.call('INCR', key('capacity-version'))
  for _, id in ipairs(redis.call('SMEMBERS', key('waiting'))) do wake_container(id) end
end
