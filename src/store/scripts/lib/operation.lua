-- An operation is a text of three lines: a head (a JSON array), its progress and its result (each JSON, or empty).
-- operation-text.ts reads and writes it as well.
local function operation_of(id)
  local text = redis.call('GET', key('operation', id))
  if not text then return nil end
  -- A pattern would look at each character of what may be some kilobytes.
  local head_end = text:find('\n', 1, true)
  local progress_end = text:find('\n', head_end + 1, true)
  local fields = cjson.decode(text:sub(1, head_end - 1))
  return {
    id = id, v = fields[1], kind = fields[2], folderId = fields[3], containerId = fields[4], revisionId = fields[5], createdBy = fields[6],
    createdAt = fields[7], modifiedAt = fields[8], state = fields[9], cancelRequested = fields[10], sequence = fields[11], description = fields[12],
    progress = text:sub(head_end + 1, progress_end - 1), result = text:sub(progress_end + 1),
  }
end

-- Stores it as changed now, and returns its text. `cancelRequested` is 0 or 1; only an operation of our own has a description.
local function store_operation(operation)
  local head = cjson.encode({
    FORMAT, operation.kind, operation.folderId, operation.containerId, operation.revisionId, operation.createdBy,
    operation.createdAt, now, operation.state, operation.cancelRequested, operation.sequence, operation.description,
  })
  local text = head .. '\n' .. operation.progress .. '\n' .. operation.result
  redis.call('SET', key('operation', operation.id), text)
  return text
end
