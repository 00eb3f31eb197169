-- A fenced write starts with settle() and ends with conclude(). Steps of one lease are numbered by its holder, upwards: the last one is
-- recognised and answered from memory, and an earlier one (sent twice, its copy late) is refused, since later writes stand on it. `after` is the
-- latest step that its holder was answered: where Redis does not know of that one it has lost it, and what the holder knows is not so.
local function is_holder(fence, token, last)
  return fence == tostring(args.fence) and token == args.token and (not args.after or last >= args.after)
end

local function settle(work_key)
  local fence, token, step, reply = unpack(redis.call('HMGET', key('lease', work_key), 'fence', 'token', 'step', 'reply'))
  local last = tonumber(step or '') or 0
  if not is_holder(fence, token, last) then return redis.error_reply('LEASE_LOST ' .. work_key) end
  if args.step == last then return reply end
  if args.step < last then return redis.error_reply('STALE_STEP ' .. work_key) end
  return nil
end

local function conclude(work_key, reply)
  redis.call('HSET', key('lease', work_key), 'step', args.step, 'reply', reply)
  return tostring(reply)
end
