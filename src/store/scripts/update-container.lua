-- Replaces what callers set of a container, if nobody did so since `expectedVersion`; its operation is done at once.
-- KEYS  1 root
-- ARGV  1 {operation (with result), idempotency?, container: {id, name, description, labels, expectedVersion}}
-- Returns {COMMITTED | REPEATED, operation id, text} | {KEY_REUSED} | {CONTAINER_NOT_FOUND} | {DELETING} | {CHANGED} | {NAME_TAKEN, container id}
--         | {TOO_NEW, of what, its format}
-- Errors  none
-- include: work indexes operations commit

local before = committed_before(args)
if before then return before end

local id = args.container.id
local container = container_of(id)
if not container then return { 'CONTAINER_NOT_FOUND' } end
local refusal = too_new('container', id, container)
if refusal then return refusal end
if container.status == 'DELETING' then return { 'DELETING' } end
if tonumber(container.version) ~= args.container.expectedVersion then return { 'CHANGED' } end
local holder = name_holder(container.folderId, args.container.name, id)
if holder then return { 'NAME_TAKEN', holder } end

unindex(container_indexes(container), id)
container.name = args.container.name
index(container_indexes(container), id, container.sequence)
redis.call('HSET', key('container', id), 'name', container.name, 'description', args.container.description,
  'labels', args.container.labels, 'version', args.container.expectedVersion + 1)
return commit(args)
