-- include: trouble
-- Forgets a few finished operations whose time is over, in the order in which they ended. Each commit adds one operation, and one in four, as the
-- clock has it, sweeps up to sixteen: so history stays bounded without a sweeper of its own, and most commits need not look.
local function sweep_operations()
  if clock[2] % 4 ~= 0 then return end
  local ended = key('operations-by-end')
  for _, id in ipairs(redis.call('LRANGE', ended, 0, 15)) do
    -- What cannot be read tells no time, and must not keep the others from being forgotten: it stays where it is found by its id.
    local read, operation = pcall(operation_of, id)
    if read and operation then
      if operation.modifiedAt + settings.operationTtlMs > now then return end
      unindex(operation_indexes(operation), id)
      redis.call('DEL', key('operation', id))
    end
    redis.call('LPOP', ended)
  end
end

-- Ends an operation for ever: no script writes to a DONE one. Its progress stays as it is unless one is given. Returns its text.
local function end_operation(operation, result, progress)
  if not operation or operation.state == 'DONE' then return end
  unindex(operation_indexes(operation), operation.id)
  operation.state, operation.result, operation.progress = 'DONE', result, progress or operation.progress
  local text = store_operation(operation)
  index(operation_indexes(operation), operation.id, operation.sequence)
  redis.call('RPUSH', key('operations-by-end'), operation.id)
  redis.call('PUBLISH', key('operations-ended'), operation.id)
  return text
end

-- A deploy that never ran leaves nothing behind, its revision included.
local function cancel_queued(id)
  local operation = operation_of(id)
  end_operation(operation, settings.cancelled)
  if operation.kind == 'DEPLOY' then remove_revision(operation.revisionId) end
end

local function ask_to_stop(operation)
  operation.cancelRequested = 1
  store_operation(operation)
end

-- With a result the operation is done in its own commit; without one it joins the journal. Returns its text.
local function add_operation(operation)
  local result = operation.result
  operation.createdAt, operation.state, operation.cancelRequested, operation.result = now, 'QUEUED', 0, ''
  operation.sequence = operation.sequence or next_sequence()
  local text = store_operation(operation)
  index(operation_indexes(operation), operation.id, operation.sequence)
  if has(result) then return end_operation(operation, result) end
  unpark('container/' .. operation.containerId)
  wake_container(operation.containerId)
  return text
end
