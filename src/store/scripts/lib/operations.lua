-- Forgets a few finished operations whose time is over. Each commit adds one operation and sweeps up to four, so history stays bounded
-- without a sweeper of its own.
local function sweep_operations()
  local expiry = key('operations-by-expiry')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', now, 'LIMIT', 0, 4)) do
    local operation = operation_of(id)
    if operation then unindex(operation_indexes(operation), id) end
    redis.call('DEL', key('operation', id))
    redis.call('ZREM', expiry, id)
  end
end

-- Ends an operation for ever: no script writes to a DONE one. Its progress stays as it is unless one is given.
local function end_operation(id, result, progress)
  local operation = operation_of(id)
  if not operation or operation.state == 'DONE' then return end
  unindex(operation_indexes(operation), id)
  operation.state = 'DONE'
  redis.call('HSET', key('operation', id), 'state', 'DONE', 'result', result, 'modifiedAt', now)
  if progress then redis.call('HSET', key('operation', id), 'progress', progress) end
  index(operation_indexes(operation), id, operation.sequence)
  redis.call('ZREM', key('journal', operation.containerId), id)
  redis.call('ZADD', key('operations-by-expiry'), now + settings.operationTtlMs, id)
  redis.call('PUBLISH', key('operations-ended'), id)
end

-- A deploy that never ran leaves nothing behind, its revision included.
local function cancel_queued(id)
  local operation = operation_of(id)
  end_operation(id, settings.cancelled)
  if operation.kind == 'DEPLOY' then remove_revision(operation.revisionId) end
end

-- With a result the operation is done in its own commit; without one it joins the journal.
local function add_operation(operation)
  local sequence = next_sequence()
  redis.call('HSET', key('operation', operation.id),
    'v', FORMAT, 'id', operation.id, 'kind', operation.kind, 'folderId', operation.folderId,
    'containerId', operation.containerId, 'revisionId', operation.revisionId, 'createdBy', operation.createdBy,
    'createdAt', now, 'modifiedAt', now, 'state', 'QUEUED', 'cancelRequested', '0',
    'progress', operation.progress, 'result', '', 'sequence', sequence)
  operation.state = 'QUEUED'
  index(operation_indexes(operation), operation.id, sequence)
  if has(operation.result) then
    end_operation(operation.id, operation.result)
  else
    redis.call('ZADD', key('journal', operation.containerId), sequence, operation.id)
    wake_container(operation.containerId)
  end
end
