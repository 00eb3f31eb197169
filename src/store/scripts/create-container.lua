-- Records a new container, CREATING, with its queued Create.
-- KEYS  1 root
-- ARGV  1 {operation, idempotency?, container: {id, folderId, name, description, labels, state}}
-- Returns {COMMITTED | REPEATED, operation id, text} | {KEY_REUSED} | {NAME_TAKEN, container id}
-- Errors  none
-- include: work indexes operations commit

local before = committed_before(args)
if before then return before end

local container = args.container
local holder = name_holder(container.folderId, container.name)
if holder then return { 'NAME_TAKEN', holder } end

container.status = 'CREATING'
local sequence = next_sequence()
redis.call('HSET', key('container', container.id),
  'v', FORMAT, 'id', container.id, 'folderId', container.folderId, 'createdAt', now, 'name', container.name,
  'description', container.description, 'labels', container.labels, 'bindings', '[]', 'status', container.status,
  'version', 1, 'state', container.state, 'running', '', 'sequence', sequence)
index(container_indexes(container), container.id, sequence)
return commit(args)
