-- What every script starts with: its arguments, which lib/calls.lua unpacks, and the one clock there is, which is that of Redis; for a while after
-- that was set back it leads it. FORMAT and settings stand before it.
local args
local clock = redis.call('TIME')
local noted = redis.call('HMGET', key('clock'), 'at', 'lead')
local clock_noted, clock_lead = tonumber(noted[1] or '') or 0, tonumber(noted[2] or '') or 0
local clock_now = clock[1] * 1000 + math.floor(clock[2] / 1000) + clock_lead
local now = math.max(clock_now, clock_noted)
local OK = 'OK'

local function has(text)
  return text ~= nil and text ~= false and text ~= ''
end
