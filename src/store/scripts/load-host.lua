-- What is known of a host, for who looks at it. Where Redis has become another one since this was last asked (it was restarted, restored, or a
-- replica took its place), its predecessor may have given out fences that it does not know of: it leaps ahead, and the gap is remembered.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, name, replicationId, leap}
-- Returns {{now}, host, gaps (JSON: [[above, up to], ...], oldest first)}; the host is empty where there is no record of it
-- Errors  LEASE_LOST

local held = redis.call('HMGET', key('lease', args.key), 'fence', 'token')
if held[1] ~= tostring(args.fence) or held[2] ~= args.token then return redis.error_reply('LEASE_LOST ' .. args.key) end

local MOST_GAPS = 100
local plane = key('control-plane')
local known = redis.call('HMGET', plane, 'replication', 'gaps')
local gaps = known[2]
if known[1] ~= args.replicationId then
  local fence = tonumber(redis.call('GET', key('fence')) or '0')
  local list = cjson.decode(gaps or '[]')
  -- Of what was before the first time nothing is sure.
  list[#list + 1] = known[1] and { fence, redis.call('INCRBY', key('fence'), args.leap) } or { 0, fence }
  if #list > MOST_GAPS then
    list[2][1] = list[1][1]
    table.remove(list, 1)
  end
  gaps = cjson.encode(list)
  redis.call('HSET', plane, 'replication', args.replicationId, 'gaps', gaps)
end
return { { now }, redis.call('HGET', key('hosts'), args.name) or '', gaps }
