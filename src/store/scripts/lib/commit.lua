-- Replies of commits: the outcome, then the operation's id and text, or what stands in the way.
local function outcome(kind, operation_id)
  return { kind, operation_id, redis.call('GET', key('operation', operation_id)) }
end

-- The answer where this request was committed before, by this very script (its reply was lost) or under its idempotency key; else nil.
local function committed_before(request)
  if redis.call('EXISTS', key('operation', request.operation.id)) == 1 then
    return outcome('COMMITTED', request.operation.id)
  end
  if not request.idempotency then return nil end
  local known = redis.call('HMGET', key('idempotency', request.idempotency.key), 'operationId', 'requestHash')
  if not known[1] or redis.call('EXISTS', key('operation', known[1])) == 0 then return nil end
  if known[2] ~= request.idempotency.requestHash then return { 'KEY_REUSED' } end
  return outcome('REPEATED', known[1])
end

local function commit(request)
  local text = add_operation(request.operation)
  if request.idempotency then
    local name = key('idempotency', request.idempotency.key)
    redis.call('HSET', name, 'operationId', request.operation.id, 'requestHash', request.idempotency.requestHash)
    redis.call('PEXPIRE', name, settings.idempotencyTtlMs)
  end
  sweep_operations()
  return { 'COMMITTED', request.operation.id, text }
end

-- The id that has this name in the folder, if it is another's. The empty name is nobody's.
local function name_holder(folder, name, own_id)
  if name == '' then return nil end
  local holder = redis.call('ZRANGE', key('containers-by-name', folder, name), 0, 0)[1]
  if holder and holder ~= own_id then return holder end
  return nil
end
