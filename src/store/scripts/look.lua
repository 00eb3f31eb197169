-- Reads many containers for somebody who holds no lease on them, and so may only look.
-- KEYS  1 root
-- ARGV  1 {containerIds, marks (for each id the one that is known of it, or an empty text)}
-- Returns {surroundings, {for each id: UNKNOWN | DELETED (a tombstone is left) | BUSY (leased) | UNCLEAN (calls of its last holder may be
--          under way, or it cannot be read) | SAME (its mark is the known one) | container as lib/loading has it, and its mark}}
-- Errors  none
-- include: indexes loading

-- Of all that a plan for a container without operations depends on; an empty text: it has some. It is made of what is stored and not of a count of changes,
-- which a Redis that lost some would count again. Revisions need not be in it: what a plan reads of those that a state names does not change, and none
-- of them goes before the state has let go of it.
local function mark_of(id)
  if redis.call('EXISTS', key('journal', id)) == 1 then return '' end
  local values = redis.call('HMGET', key('container', id), 'v', 'status', 'state')
  return redis.sha1hex(table.concat({ values[1] or '', values[2] or '', values[3] or '' }, '\n'))
end

local function read_of(id, known)
  local mark = mark_of(id)
  if mark ~= '' and mark == known then return 'SAME' end
  local loaded = container_loaded(id)
  loaded[#loaded + 1] = mark
  return loaded
end

local function look_at(id, known)
  local work_key = 'container/' .. id
  if redis.call('EXISTS', key('container', id)) == 0 then
    return redis.call('EXISTS', key('tombstone', id)) == 1 and 'DELETED' or 'UNKNOWN'
  end
  if redis.call('EXISTS', key('lease', work_key)) == 1 then return 'BUSY' end
  if redis.call('SISMEMBER', key('unclean'), work_key) == 1 then return 'UNCLEAN' end
  -- What cannot be read must not hide the others. Its own work will find out why, and so it has to be taken.
  local read, seen = pcall(read_of, id, known)
  return read and seen or 'UNCLEAN'
end

local looks = {}
for position, id in ipairs(args.containerIds) do looks[position] = look_at(id, args.marks[position]) end
return { surroundings(), looks }
