-- What every script starts with: its arguments, and the one clock there is. FORMAT and settings stand before it.
local args = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local OK = 'OK'

local function has(text)
  return text ~= nil and text ~= false and text ~= ''
end
