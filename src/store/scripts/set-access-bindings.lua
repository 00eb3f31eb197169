-- Replaces the access bindings of a container, if nobody changed it since `expectedVersion`; its operation is done at once.
-- KEYS  1 root
-- ARGV  1 {operation (with result), idempotency?, bindings, expectedVersion}
-- Returns {COMMITTED | REPEATED, operation id, text} | {KEY_REUSED} | {CONTAINER_NOT_FOUND} | {DELETING} | {CHANGED}
--         | {TOO_NEW, of what, its format}
-- Errors  none
-- include: work indexes operations commit

local before = committed_before(args)
if before then return before end

local id = args.operation.containerId
local container = container_of(id)
if not container then return { 'CONTAINER_NOT_FOUND' } end
local refusal = too_new('container', id, container)
if refusal then return refusal end
if container.status == 'DELETING' then return { 'DELETING' } end
if tonumber(container.version) ~= args.expectedVersion then return { 'CHANGED' } end

redis.call('HSET', key('container', id), 'bindings', args.bindings, 'version', args.expectedVersion + 1)
return commit(args)
