-- Ends the running operation together with the state that it leaves. A failed deploy's revision goes with its index entries.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity, operationId, result,
--          resultOf: {containerId?, folderId?, revisionId?}, revisionToRemove}
-- Returns LAST | MORE (others of the container wait) | NOT_UNFINISHED (done before, or another container's: nothing was changed)
-- Errors  LEASE_LOST, STALE_STEP, FOREIGN_RESULT (it is not of what the operation is about: nothing was changed)
-- include: work lease indexes operations state

local settled = settle(args.key)
if settled then return settled end

local operation = operation_of(args.operationId)
if not operation or operation.state == 'DONE' or operation.containerId ~= args.containerId then
  return conclude(args.key, 'NOT_UNFINISHED')
end
for name, value in pairs(args.resultOf) do
  if operation[name] ~= value then return redis.error_reply('FOREIGN_RESULT ' .. args.operationId) end
end
write_state()
local name = key('container', args.containerId)
local was_running = redis.call('HGET', name, 'running') == args.operationId
end_operation(operation, args.result, was_running and args.progress)
if was_running then redis.call('HSET', name, 'running', '') end
note_waiting(args.containerId, false)
local revision = has(args.revisionToRemove) and revision_of(args.revisionToRemove)
if revision and revision.containerId == args.containerId and revision.status == 'CREATING' then
  remove_revision(args.revisionToRemove)
end
return conclude(args.key, redis.call('ZCARD', key('journal', args.containerId)) > 0 and 'MORE' or 'LAST')
