-- include: operation
-- The worker's part of a container: its state, whole and verbatim, what the image of one of its revisions is, and the progress of the running
-- operation.
local function store_state()
  local name = key('container', args.containerId)
  redis.call('HSET', name, 'v', FORMAT, 'state', args.state)
  if args.image then
    local revision = key('revision', args.image.revisionId)
    if redis.call('HGET', revision, 'containerId') == args.containerId then
      redis.call('HSET', revision, 'v', FORMAT, 'image', args.image.text)
    end
  end
  if not args.progress then return end
  local running = redis.call('HGET', name, 'running')
  local operation = has(running) and operation_of(running)
  if operation then
    operation.progress = args.progress
    store_operation(operation)
  end
  redis.call(args.waitsForCapacity and 'SADD' or 'SREM', key('waiting'), args.containerId)
end
