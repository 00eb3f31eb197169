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
table.sort(candidates, function(one, other)
  if one.at ~= other.at then return one.at < other.at end
  return one.name < other.name
end)

local taken = {}
for position = 1, math.min(args.count, #candidates) do
  local candidate = candidates[position]
  local lease = key('lease', candidate.name)
  -- A wake-up in the future outlives the holder that it was told to; one in the past is served by this very look.
  local later = tonumber(redis.call('HGET', lease, 'wake') or '')
  if candidate.lapsed then redis.call('SADD', key('unclean'), candidate.name) end
  redis.call('ZREM', key('due'), candidate.name)
  redis.call('ZADD', key('lapse'), now + args.ttlMs, candidate.name)
  local fence = redis.call('INCR', key('fence'))
  redis.call('DEL', lease)
  redis.call('HSET', lease, 'fence', fence, 'token', args.token)
  if later and later > now then redis.call('HSET', lease, 'wake', later) end
  taken[#taken + 1] = candidate.name
  taken[#taken + 1] = tostring(fence)
  taken[#taken + 1] = tostring(redis.call('SISMEMBER', key('unclean'), candidate.name))
end
if #taken > 0 then
  redis.call('RPUSH', memory, unpack(taken))
  redis.call('PEXPIRE', memory, 60000)
end
return taken
