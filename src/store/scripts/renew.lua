-- Extends leases that are still held.
-- KEYS  1 root
-- ARGV  1 {leases: [{key, fence, token}], ttlMs}
-- Returns the keys that were lost
-- Errors  none

local lost = {}
for _, lease in ipairs(args.leases) do
  local held = redis.call('HMGET', key('lease', lease.key), 'fence', 'token')
  if held[1] == tostring(lease.fence) and held[2] == lease.token then
    redis.call('ZADD', key('lapse'), now + args.ttlMs, lease.key)
  else
    lost[#lost + 1] = lease.key
  end
end
return lost
