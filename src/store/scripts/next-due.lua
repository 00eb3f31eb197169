-- Milliseconds until the next entry is due or the next lease lapses.
-- KEYS  1 root
-- ARGV  1 {}
-- Returns the number; -1 where the queue is empty
-- Errors  none

local earliest
for _, set in ipairs({ 'due', 'lapse' }) do
  local at = tonumber(redis.call('ZRANGE', key(set), 0, 0, 'WITHSCORES')[2] or '')
  if at and (not earliest or at < earliest) then earliest = at end
end
if not earliest then return -1 end
return math.max(0, earliest - now)
