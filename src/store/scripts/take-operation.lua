-- Takes the oldest queued operation: it becomes RUNNING, a Create makes its container ACTIVE, what is queued before a Delete ends as
-- CANCELLED. An operation that is not queued any more (cancelled meanwhile), or behind a running one, is left alone and the state with it.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity, operationId}
-- Returns LAST | MORE (others of the container wait) | NOT_QUEUED
-- Errors  LEASE_LOST, STALE_STEP
-- include: work lease indexes operations state

local settled = settle(args.key)
if settled then return settled end

local id = args.operationId
local container = container_of(args.containerId)
local operation = operation_of(id)
if not container or has(container.running) or not operation or operation.state ~= 'QUEUED'
  or operation.containerId ~= args.containerId then
  return conclude(args.key, 'NOT_QUEUED')
end

if operation.kind == 'DELETE' then
  for _, earlier in ipairs(redis.call('ZRANGEBYSCORE', key('journal', args.containerId), '-inf', '(' .. operation.sequence)) do
    cancel_queued(earlier)
  end
end
if operation.kind == 'CREATE' and container.status == 'CREATING' then
  set_container_status(args.containerId, container, 'ACTIVE')
end
operation.state, operation.progress = 'RUNNING', args.progress or operation.progress
store_operation(operation)
redis.call('HSET', key('container', args.containerId), 'running', id)
write_state()
if args.progress then note_waiting(args.containerId, args.waitsForCapacity) end
return conclude(args.key, redis.call('ZCARD', key('journal', args.containerId)) > 1 and 'MORE' or 'LAST')
