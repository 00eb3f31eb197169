-- The end of a Delete: container, revisions, name, indexes, route and device leases go, a tombstone stays, the operation is done.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, operationId, result, progress}
-- Returns OK
-- Errors  LEASE_LOST, STALE_STEP
-- include: work lease indexes operations placement-feed devices

local settled = settle(args.key)
if settled then return settled end

local id = args.containerId
local container = container_of(id)
if not container then return conclude(args.key, OK) end

for _, operation in ipairs(redis.call('ZRANGE', key('journal', id), 0, -1)) do
  if operation ~= args.operationId then cancel_queued(operation) end
end
end_operation(operation_of(args.operationId), args.result, args.progress)
for _, status in ipairs({ 'CREATING', 'ACTIVE', 'OBSOLETE' }) do
  local revisions = redis.call('ZRANGE', key('revisions-by-container-status', id, status), 0, -1)
  for _, revision in ipairs(revisions) do remove_revision(revision) end
end
for _, instance in ipairs(redis.call('SMEMBERS', key('devices-of', id))) do free_devices(id, instance) end
unindex(container_indexes(container), id)
redis.call('DEL', key('container', id), key('journal', id))
redis.call('SREM', key('waiting'), id)
redis.call('SET', key('tombstone', id), now, 'PX', settings.tombstoneTtlMs)
local version = redis.call('INCR', key('route-version'))
redis.call('HDEL', key('routes'), id)
redis.call('PUBLISH', key('routes-changed'), id .. ' ' .. version)
wake_waiting()
return conclude(args.key, OK)
