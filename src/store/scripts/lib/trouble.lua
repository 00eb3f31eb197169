-- What the work on a key meets again and again, a JSON array each (trouble.ts reads it as well); none where its last work came to an
-- ordinary end. LAPSED is the lease whose lapse was counted last: its holder may yet turn out to be alive.
local T = { FORMAT = 1, COUNT = 2, DEATHS = 3, SINCE = 4, LAST_AT = 5, PARKED_AT = 6, NOTED = 7, LAPSED = 8, REASON = 9 }

-- What cannot be read counts as none: it must not keep all other keys from whoever takes work.
local function trouble_of(work_key)
  local text = redis.call('HGET', key('trouble'), work_key)
  if not text then return nil end
  local read, trouble = pcall(cjson.decode, text)
  local usable = read and type(trouble) == 'table' and type(trouble[T.COUNT]) == 'number' and type(trouble[T.DEATHS]) == 'number'
  return usable and trouble or nil
end

local function store_trouble(work_key, trouble)
  redis.call('HSET', key('trouble'), work_key, cjson.encode(trouble))
end

local function forget_trouble(work_key)
  redis.call('HDEL', key('trouble'), work_key)
end

-- `lapsed` is the lease of a holder that let it lapse, empty where the work failed; `reason` is empty where nobody could say.
local function count_failure(work_key, reason, lapsed)
  local trouble = trouble_of(work_key) or { FORMAT, 0, 0, now, now, 0, 0, '', '' }
  trouble[T.COUNT], trouble[T.LAST_AT] = trouble[T.COUNT] + 1, now
  trouble[T.REASON], trouble[T.LAPSED] = reason, lapsed
  if lapsed ~= '' then trouble[T.DEATHS] = trouble[T.DEATHS] + 1 end
  store_trouble(work_key, trouble)
end

-- The holder of a lease that lapsed speaks after all: it is alive, so that the lapse was no death. `reason`: its work failed meanwhile.
local function outlived(work_key, lapsed, reason)
  local trouble = trouble_of(work_key)
  if not trouble or trouble[T.LAPSED] ~= lapsed then return end
  trouble[T.LAPSED], trouble[T.DEATHS] = '', trouble[T.DEATHS] - 1
  if has(reason) then
    trouble[T.REASON] = reason
  else
    trouble[T.COUNT] = trouble[T.COUNT] - 1
    if trouble[T.COUNT] == 0 and trouble[T.NOTED] == 0 then return forget_trouble(work_key) end
  end
  store_trouble(work_key, trouble)
end

-- Somebody asks for something new: the key is worked on as if nothing had happened.
local function unpark(work_key)
  local trouble = trouble_of(work_key)
  if not trouble or trouble[T.PARKED_AT] == 0 then return end
  if trouble[T.NOTED] == 0 then return forget_trouble(work_key) end
  trouble[T.COUNT], trouble[T.DEATHS], trouble[T.PARKED_AT], trouble[T.LAPSED] = 0, 0, 0, ''
  store_trouble(work_key, trouble)
end
