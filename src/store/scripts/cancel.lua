-- Queued: ends it as CANCELLED. Running: asks its worker. Done, or a queued Create (its container could never become ACTIVE
-- then): changes nothing.
-- KEYS  1 root
-- ARGV  1 {operationId}
-- Returns the operation's text; empty where there is none
-- Errors  none
-- include: work indexes operations

local id = args.operationId
local operation = operation_of(id)
if not operation then return '' end
-- Left as it is: whoever reads it refuses it.
if operation.v > FORMAT then return redis.call('GET', key('operation', id)) end

if operation.state == 'QUEUED' and operation.kind ~= 'CREATE' then
  cancel_queued(id)
  wake_container(operation.containerId)
elseif operation.state == 'RUNNING' and operation.cancelRequested == 0 then
  ask_to_stop(operation)
  wake_container(operation.containerId)
end
return redis.call('GET', key('operation', id))
