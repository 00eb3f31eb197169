-- Leases keys that are due or whose lease has lapsed, oldest first. Sent again, the same request gets the same leases.
-- KEYS  1 root
-- ARGV  1 {requestId, token, count, ttlMs}
-- Returns {key, fence, unclean (0 or 1), ...}, flat; empty where nothing is due
-- Errors  none

local memory = key('taken', args.requestId)
if redis.call('EXISTS', memory) == 1 then return redis.call('LRANGE', memory, 0, -1) end

local candidates = {}
for _, set in ipairs({ 'lapse', 'due' }) do
  local found = redis.call('ZRANGEBYSCORE', key(set), '-inf', now, 'WITHSCORES', 'LIMIT', 0, args.count)
  for position = 1, #found, 2 do
    candidates[#candidates + 1] = { name = found[position], at = tonumber(found[position + 1]), lapsed = set == 'lapse' }
  end
end
if #candidates == 0 then return {} end
table.sort(candidates, function(one, other)
  if one.at ~= other.at then return one.at < other.at end
  return one.name < other.name
end)

local names, lapses, taken = {}, {}, {}
local count = math.min(args.count, #candidates)
local fence = redis.call('INCRBY', key('fence'), count) - count
for position = 1, count do
  local candidate = candidates[position]
  local lease = key('lease', candidate.name)
  if candidate.lapsed then
    redis.call('SADD', key('unclean'), candidate.name)
    -- A wake-up in the future outlives the holder that it was told to; one in the past is served by this very look.
    local later = tonumber(redis.call('HGET', lease, 'wake') or '')
    redis.call('DEL', lease)
    if later and later > now then redis.call('HSET', lease, 'wake', later) end
  end
  redis.call('HSET', lease, 'fence', fence + position, 'token', args.token)
  names[position] = candidate.name
  lapses[2 * position - 1] = now + args.ttlMs
  lapses[2 * position] = candidate.name
end
redis.call('ZREM', key('due'), unpack(names))
redis.call('ZADD', key('lapse'), unpack(lapses))
local unclean = redis.call('SMISMEMBER', key('unclean'), unpack(names))
for position, name in ipairs(names) do
  taken[#taken + 1] = name
  taken[#taken + 1] = tostring(fence + position)
  taken[#taken + 1] = tostring(unclean[position])
end
redis.call('RPUSH', memory, unpack(taken))
redis.call('PEXPIRE', memory, 60000)
return taken
