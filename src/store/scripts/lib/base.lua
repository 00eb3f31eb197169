-- What every script starts with: its arguments, of which long texts come apart by name, and the one clock there is, which is that of Redis; for a while after
-- that was set back it leads it. FORMAT and settings stand before it.
local args = cjson.decode(ARGV[1])
for position = 2, #ARGV, 2 do args[ARGV[position]] = ARGV[position + 1] end
local clock = redis.call('TIME')
local noted = redis.call('HMGET', key('clock'), 'at', 'lead')
local clock_noted, clock_lead = tonumber(noted[1] or '') or 0, tonumber(noted[2] or '') or 0
local clock_now = clock[1] * 1000 + math.floor(clock[2] / 1000) + clock_lead
local now = math.max(clock_now, clock_noted)
local OK = 'OK'

local function has(text)
  return text ~= nil and text ~= false and text ~= ''
end
