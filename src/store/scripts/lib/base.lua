-- What every script starts with: its arguments, of which long texts come apart by name, and the one clock there is. FORMAT and settings stand before it.
local args = cjson.decode(ARGV[1])
for position = 2, #ARGV, 2 do args[ARGV[position]] = ARGV[position + 1] end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local OK = 'OK'

local function has(text)
  return text ~= nil and text ~= false and text ~= ''
end
