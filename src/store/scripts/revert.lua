-- Queues an operation of the control plane's own, together with the state that it leaves: the container goes back to another of its revisions.
-- Nothing is written where another operation waits or runs, or the container is being deleted.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, operation (with description)}
-- Returns OK | SUPERSEDED
-- Errors  LEASE_LOST, STALE_STEP, NO_REVISION (it is not one of the container's that was ever active: nothing was changed)
-- include: work lease indexes operations state

local settled = settle(args.key)
if settled then return settled end

local container = container_of(args.containerId)
if not container or container.status == 'DELETING' or redis.call('ZCARD', key('journal', args.containerId)) > 0 then
  return conclude(args.key, 'SUPERSEDED')
end
local target = revision_of(args.operation.revisionId)
if not target or target.containerId ~= args.containerId or target.status == 'CREATING' then
  return redis.error_reply('NO_REVISION ' .. args.operation.revisionId)
end
store_state()
add_operation(args.operation)
sweep_operations()
return conclude(args.key, OK)
