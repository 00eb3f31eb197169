-- The switch: one revision becomes ACTIVE, the former one OBSOLETE, the route gets a new version. Obsolete revisions beyond the
-- configured number go, oldest first, unless the state or a queued rollback names them. Nothing is done for an operation that has been asked to stop.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity, route, revisionId, needed: [revision id]}
-- Returns 'version ingresses': how many live | STOPPED
-- Errors  LEASE_LOST, STALE_STEP, NO_REVISION (it is not one of the container's: nothing was changed)
-- include: work lease indexes state routes ingresses

local settled = settle(args.key)
if settled then return settled end

local revision = revision_of(args.revisionId)
if not revision or revision.containerId ~= args.containerId then return redis.error_reply('NO_REVISION ' .. args.revisionId) end

local operation = running_operation()
if operation and operation.cancelRequested == 1 then return conclude(args.key, 'STOPPED') end

for _, id in ipairs(redis.call('ZRANGE', key('revisions-by-container-status', args.containerId, 'ACTIVE'), 0, -1)) do
  if id ~= args.revisionId then set_revision_status(id, 'OBSOLETE') end
end
set_revision_status(args.revisionId, 'ACTIVE', revision)

local needed = {}
for _, id in ipairs(args.needed) do needed[id] = true end
local obsolete = redis.call('ZRANGE', key('revisions-by-container-status', args.containerId, 'OBSOLETE'), 0, -1)
if #obsolete > settings.obsoleteRevisions then
  for _, id in ipairs(redis.call('ZRANGE', key('journal', args.containerId), 0, -1)) do
    needed[operation_of(id).revisionId] = true
  end
  for position = 1, #obsolete - settings.obsoleteRevisions do
    if not needed[obsolete[position]] then remove_revision(obsolete[position]) end
  end
end

local version = publish_route()
store_state(operation)
return conclude(args.key, version .. ' ' .. #ingress_reports())
