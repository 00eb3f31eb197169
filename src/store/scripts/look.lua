-- Reads many containers for somebody who holds no lease on them, and so may only look.
-- KEYS  1 root
-- ARGV  1 {containerIds, marks (for each id the one that is known of it, or an empty text)}
-- Returns {surroundings, {for each id: UNKNOWN | DELETED (a tombstone is left) | BUSY (leased) | UNCLEAN (calls of its last holder may be
--          under way, or it cannot be read) | SAME (its mark is the known one) | container as lib/loading has it, and its mark}}
-- Errors  none
-- include: indexes loading

-- Whether each of these keys exists: hardly any does, which one call tells.
local function existing(keys)
  local exist = {}
  if #keys == 0 or redis.call('EXISTS', unpack(keys)) == 0 then return exist end
  for position, name in ipairs(keys) do exist[position] = redis.call('EXISTS', name) == 1 end
  return exist
end

local leases, journals, work_keys = {}, {}, {}
for position, id in ipairs(args.containerIds) do
  work_keys[position] = 'container/' .. id
  leases[position] = key('lease', work_keys[position])
  journals[position] = key('journal', id)
end
local leased, queued = existing(leases), existing(journals)
local unclean = #work_keys > 0 and redis.call('SMISMEMBER', key('unclean'), unpack(work_keys))

-- Of all that a plan for a container without operations depends on; an empty text: it has some. It is made of what is stored and not of a count of changes,
-- which a Redis that lost some would count again. Revisions need not be in it: what a plan reads of those that a state names does not change, and none
-- of them goes before the state has let go of it.
local function mark_of(position, stored)
  if queued[position] then return '' end
  return redis.sha1hex(table.concat({ stored[1] or '', stored[2] or '', stored[3] or '' }, '\n'))
end

local function read_of(position, stored)
  local mark = mark_of(position, stored)
  if mark ~= '' and mark == args.marks[position] then return 'SAME' end
  local loaded = container_loaded(args.containerIds[position])
  loaded[#loaded + 1] = mark
  return loaded
end

local function look_at(position, id)
  local found, stored = pcall(redis.call, 'HMGET', key('container', id), 'v', 'status', 'state')
  if found and not stored[1] and redis.call('EXISTS', key('container', id)) == 0 then
    return redis.call('EXISTS', key('tombstone', id)) == 1 and 'DELETED' or 'UNKNOWN'
  end
  if leased[position] then return 'BUSY' end
  if unclean[position] == 1 then return 'UNCLEAN' end
  -- What cannot be read must not hide the others. Its own work will find out why, and so it has to be taken.
  local read, seen = pcall(read_of, position, stored)
  return found and read and seen or 'UNCLEAN'
end

local looks = {}
for position, id in ipairs(args.containerIds) do looks[position] = look_at(position, id) end
return { surroundings(), looks }
