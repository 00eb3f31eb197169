-- Fences only grow, also over a Redis that has become another one (it was restarted, restored or emptied, or a replica took its place) and may have
-- forgotten some that it gave out: before the next is given out they leap past all of those, and the gap is remembered. Redis time carries them past
-- what no record tells of, since in the long run fewer than one in a millisecond are given out.
-- include: replication
local FENCE_LEAP = 1000000
local ROUTE_LEAP = 1000
local MOST_GAPS = 100

-- Returns the id of this Redis, and the gaps (JSON: [[above, up to], ...], oldest first).
local function leap_in_another_redis()
  local plane = key('control-plane')
  local known = redis.call('HMGET', plane, 'replication', 'gaps')
  local present = replication_id()
  if known[1] == present then return present, known[2] end
  local fence = tonumber(redis.call('GET', key('fence')) or '0')
  -- Of two that leap from one backup, each lands elsewhere: or what only one of them gave out would be taken for the other's.
  local leapt = math.max(fence + FENCE_LEAP + now % FENCE_LEAP, now)
  local gaps = cjson.decode(known[2] or '[]')
  -- Of what was before the first time nothing is sure.
  gaps[#gaps + 1] = { known[1] and fence or 0, leapt }
  if #gaps > MOST_GAPS then
    gaps[2][1] = gaps[1][1]
    table.remove(gaps, 1)
  end
  local text = cjson.encode(gaps)
  redis.call('SET', key('fence'), string.format('%.0f', leapt))
  redis.call('HSET', plane, 'replication', present, 'gaps', text)
  -- An ingress may have applied a route that is lost: its number must not come again for another one.
  redis.call('INCRBY', key('route-version'), ROUTE_LEAP)
  return present, text
end
