-- Gives keys back. A lease that is not held any more (lost, or given back before) is left as it is.
-- KEYS  1 root
-- ARGV  1 {leases: [{key, fence, token, delayMs?, clean}]}
-- Returns OK
-- Errors  none
-- include: work

local released, told = {}, {}
local marks, due = { SADD = {}, SREM = {} }, {}
for _, given in ipairs(args.leases) do
  local lease = key('lease', given.key)
  local held = redis.call('HMGET', lease, 'fence', 'token', 'wake')
  if held[1] == tostring(given.fence) and held[2] == given.token then
    redis.call('DEL', lease)
    released[#released + 1] = given.key
    local mark = marks[given.clean and 'SREM' or 'SADD']
    mark[#mark + 1] = given.key
    local at = given.delayMs and now + given.delayMs or nil
    local wake = tonumber(held[3] or '')
    if wake and (not at or wake < at) then at = wake end
    if at then
      due[#due + 1] = at
      due[#due + 1] = given.key
      if at <= now then told[#told + 1] = given.key end
    end
  end
end
if #released > 0 then redis.call('ZREM', key('lapse'), unpack(released)) end
for command, names in pairs(marks) do
  if #names > 0 then redis.call(command, key('unclean'), unpack(names)) end
end
if #due > 0 then redis.call('ZADD', key('due'), unpack(due)) end
tell(told)
return OK
