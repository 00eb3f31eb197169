-- Reads many containers for somebody who holds no lease on them, and so may only look.
-- KEYS  1 root
-- ARGV  1 {containerIds}
-- Returns {surroundings, {for each id: UNKNOWN | DELETED (a tombstone is left) | BUSY (leased) | UNCLEAN (calls of its last holder may be
--          under way, or it cannot be read) | container as lib/loading has it}}
-- Errors  none
-- include: indexes loading

local function look_at(id)
  local work_key = 'container/' .. id
  if redis.call('EXISTS', key('container', id)) == 0 then
    return redis.call('EXISTS', key('tombstone', id)) == 1 and 'DELETED' or 'UNKNOWN'
  end
  if redis.call('EXISTS', key('lease', work_key)) == 1 then return 'BUSY' end
  if redis.call('SISMEMBER', key('unclean'), work_key) == 1 then return 'UNCLEAN' end
  -- What cannot be read must not hide the others. Its own work will find out why, and so it has to be taken.
  local read, loaded = pcall(container_loaded, id)
  return read and loaded or 'UNCLEAN'
end

local looks = {}
for position, id in ipairs(args.containerIds) do looks[position] = look_at(id) end
return { surroundings(), looks }
