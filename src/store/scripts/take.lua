-- Leases keys that are due or whose lease has lapsed, oldest first. Sent again, the same request gets the same leases. A lapse counts as a
-- failure of the key's work. Of the keys under suspicion of killing whoever works on them, no more than `suspects` are given out; the
-- others wait, since all keys that a process held come under it when one of them kills it.
-- KEYS  1 root
-- ARGV  1 {requestId, token, count, ttlMs, suspects, suspectDeaths}
-- Returns {now, key, fence, unclean (0 or 1), trouble (text, or empty), ...}, flat; empty where nothing is due
-- Errors  none
-- include: trouble fences clock

local SUSPECT_WAIT_MS = 1000

keep_time()
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

local troubled = redis.call('EXISTS', key('trouble')) == 1
local suspects = args.suspects
local function given_out(candidate)
  local trouble = troubled and trouble_of(candidate.name)
  local deaths = (trouble and trouble[T.DEATHS] or 0) + (candidate.lapsed and 1 or 0)
  if deaths < args.suspectDeaths then return true end
  suspects = suspects - 1
  if suspects >= 0 then return true end
  -- A lapsed one stays so: its death is counted when it is given out.
  redis.call('ZADD', key(candidate.lapsed and 'lapse' or 'due'), now + SUSPECT_WAIT_MS, candidate.name)
  return false
end

local function end_lapsed(name, lease)
  local held = redis.call('HMGET', lease, 'fence', 'token', 'wake')
  count_failure(name, '', held[1] .. ' ' .. held[2])
  troubled = true
  redis.call('SADD', key('unclean'), name)
  -- A wake-up in the future outlives the holder that it was told to; one in the past is served by this very look.
  local later = tonumber(held[3] or '')
  redis.call('DEL', lease)
  if later and later > now then redis.call('HSET', lease, 'wake', later) end
end

local names = {}
local lapses = {}
for _, candidate in ipairs(candidates) do
  if #names == args.count then break end
  if given_out(candidate) then
    if candidate.lapsed then end_lapsed(candidate.name, key('lease', candidate.name)) end
    names[#names + 1] = candidate.name
    lapses[#lapses + 1] = now + args.ttlMs
    lapses[#lapses + 1] = candidate.name
  end
end
if #names == 0 then return {} end

leap_in_another_redis()
local fence = redis.call('INCRBY', key('fence'), #names) - #names
for position, name in ipairs(names) do
  redis.call('HSET', key('lease', name), 'fence', fence + position, 'token', args.token)
end
redis.call('ZREM', key('due'), unpack(names))
redis.call('ZADD', key('lapse'), unpack(lapses))
local unclean = redis.call('SMISMEMBER', key('unclean'), unpack(names))
local troubles = troubled and redis.call('HMGET', key('trouble'), unpack(names)) or {}
local taken = { tostring(now) }
for position, name in ipairs(names) do
  taken[#taken + 1] = name
  taken[#taken + 1] = tostring(fence + position)
  taken[#taken + 1] = tostring(unclean[position])
  taken[#taken + 1] = troubles[position] or ''
end
redis.call('RPUSH', memory, unpack(taken))
redis.call('PEXPIRE', memory, 60000)
return taken
