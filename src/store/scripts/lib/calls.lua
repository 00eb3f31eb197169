-- What every script ends with. It stands as a function, script(), before this, and is run for one call after another: the clock is read and the functions are
-- made once for all of them.
-- ARGV  of each call how many texts follow, its arguments as JSON, and names and values of those that are long texts
-- Returns {reply or error, ...}; a call that fails does not keep the others from being made
-- What a command raises begins with a word of its own; before Redis 7 that stood in the middle (redis-refusals.ts finds it there).
local function failed(fault)
  local text = type(fault) == 'table' and fault.err or tostring(fault)
  return { err = text:find('^%u+ ') and text or 'ERR Error running script ' .. text }
end

local function called(first, last)
  args = cjson.decode(ARGV[first])
  for position = first + 1, last, 2 do args[ARGV[position]] = ARGV[position + 1] end
  return script()
end

local replies = {}
local last = 0
while last < #ARGV do
  local first = last + 1
  last = first + tonumber(ARGV[first])
  local ran, reply = pcall(called, first + 1, last)
  replies[#replies + 1] = ran and reply or failed(reply)
end
return replies
