-- Queues a deploy (with its new revision, CREATING), a rollback, a stop, a start or a delete. An accepted delete ends what is queued before it as CANCELLED, asks the running
-- operation to stop, and closes the container to everything else.
-- KEYS  1 root
-- ARGV  1 {operation, idempotency?, revision?: {id, containerId, description}, spec?}; the folder of both is the container's
-- Returns {COMMITTED | REPEATED, operation id, text} | {KEY_REUSED} | {CONTAINER_NOT_FOUND} | {REVISION_NOT_FOUND} | {DELETING}
--         | {TOO_NEW, of what, its format}
-- Errors  none
-- include: work indexes operations commit

local before = committed_before(args)
if before then return before end

local operation = args.operation
local container_id = operation.containerId
local container = container_of(container_id)
if not container then return { 'CONTAINER_NOT_FOUND' } end
local refusal = too_new('container', container_id, container)
if refusal then return refusal end
if container.status == 'DELETING' then
  if operation.kind ~= 'DELETE' then return { 'DELETING' } end
  for _, id in ipairs(redis.call('ZRANGE', key('journal', container_id), 0, -1)) do
    if operation_of(id).kind == 'DELETE' then return { 'DELETING' } end
  end
end
operation.folderId = container.folderId

if operation.kind == 'ROLLBACK' then
  local target = revision_of(operation.revisionId)
  if not target or target.containerId ~= container_id or target.status == 'CREATING' then return { 'REVISION_NOT_FOUND' } end
  refusal = too_new('revision', operation.revisionId, target)
  if refusal then return refusal end
elseif operation.kind == 'DEPLOY' then
  local revision = args.revision
  revision.status, revision.folderId = 'CREATING', container.folderId
  -- One number places both: they are in no index together.
  operation.sequence = next_sequence()
  redis.call('HSET', key('revision', revision.id),
    'v', FORMAT, 'id', revision.id, 'containerId', revision.containerId, 'folderId', revision.folderId,
    'description', revision.description, 'createdAt', now, 'status', revision.status, 'spec', args.spec,
    'image', '', 'sequence', operation.sequence)
  index(revision_indexes(revision), revision.id, operation.sequence)
elseif operation.kind == 'DELETE' then
  local unfinished = {}
  for position, id in ipairs(redis.call('ZRANGE', key('journal', container_id), 0, -1)) do
    unfinished[position] = operation_of(id)
    refusal = too_new('operation', id, unfinished[position])
    if refusal then return refusal end
  end
  for _, earlier in ipairs(unfinished) do
    if earlier.state == 'QUEUED' then cancel_queued(earlier.id) else ask_to_stop(earlier) end
  end
  set_container_status(container_id, container, 'DELETING')
end
return commit(args)
