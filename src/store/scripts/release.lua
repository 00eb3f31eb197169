-- Gives keys back. A lease that is not held any more (lost, or given back before) is left as it is; if it was its lapse that was counted as
-- a failure last, the count is put right, since its holder lives. `failed` says why the work failed; `tried` false that it was
-- left alone or cut short from outside. Otherwise it came to an ordinary end, and what it met before is forgotten.
-- KEYS  1 root
-- ARGV  1 {leases: [{key, fence, token, delayMs?, clean, tried, failed?}]}
-- Returns OK
-- Errors  none
-- include: work trouble

local troubled = redis.call('EXISTS', key('trouble')) == 1
local released, told, recovered = {}, {}, {}
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
    if given.failed then
      count_failure(given.key, given.failed, '')
    elseif given.tried then
      recovered[#recovered + 1] = given.key
    end
  elseif troubled then
    outlived(given.key, tostring(given.fence) .. ' ' .. given.token, given.failed)
  end
end
if #released > 0 then redis.call('ZREM', key('lapse'), unpack(released)) end
for command, names in pairs(marks) do
  if #names > 0 then redis.call(command, key('unclean'), unpack(names)) end
end
if #due > 0 then redis.call('ZADD', key('due'), unpack(due)) end
if troubled and #recovered > 0 then redis.call('HDEL', key('trouble'), unpack(recovered)) end
tell(told)
return OK
