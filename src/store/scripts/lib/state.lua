-- include: operation
-- Hardly ever one does: most scripts need not look for theirs among those that wait for capacity.
local some_wait
local function note_waiting(container_id, waits)
  if some_wait == nil then some_wait = redis.call('EXISTS', key('waiting')) == 1 end
  if waits then
    some_wait = true
    redis.call('SADD', key('waiting'), container_id)
  elseif some_wait then
    redis.call('SREM', key('waiting'), container_id)
  end
end

-- The worker's part of a container: its state, whole and verbatim, and what the image of one of its revisions is.
local function write_state()
  redis.call('HSET', key('container', args.containerId), 'v', FORMAT, 'state', args.state)
  if not args.image then return end
  local revision = key('revision', args.image.revisionId)
  if redis.call('HGET', revision, 'containerId') == args.containerId then
    redis.call('HSET', revision, 'v', FORMAT, 'image', args.image.text)
  end
end

-- The one under way of the container; nil: there is none.
local function running_operation()
  local id = redis.call('HGET', key('container', args.containerId), 'running')
  return has(id) and operation_of(id) or nil
end

-- The state, and with it the progress of the running operation. `running`: that one, where it has been read.
local function store_state(running)
  write_state()
  if not args.progress then return end
  running = running or running_operation()
  if running then
    running.progress = args.progress
    store_operation(running)
  end
  note_waiting(args.containerId, args.waitsForCapacity)
end
