-- Stores the records of a container that Redis has lost, or knows only an older state of, as what runs of it tells them: container, revisions, leases and
-- state, all or nothing. What was unfinished of it ends. The next holder of its key takes it over as after a crash, since calls of a forgotten one
-- may be under way.
-- KEYS  1 root
-- ARGV  1 {key (of a host), fence, token, step, container: {id, folderId, createdAt, name, description, labels}, known (the text of its state, or
--          empty: there is no record), state, revisions: [{id, description, createdAt, status, spec, image}], ended (the result of what was
--          unfinished), leased: [instance id], devices: [{text, lease: {instanceId, host, gpuUuids, port}}]}
-- Returns REBUILT | CHANGED | DELETED | 'NAME_TAKEN container' | 'DEVICE_TAKEN instance container device'; all but the first: nothing was changed
-- Errors  LEASE_LOST, STALE_STEP
-- include: work lease indexes operations placement-feed devices

local settled = settle(args.key)
if settled then return settled end

local wanted = args.container
local id = wanted.id
local work_key = 'container/' .. id
local container = container_of(id)
if redis.call('EXISTS', key('tombstone', id)) == 1 then return conclude(args.key, 'DELETED') end
local held = redis.call('HEXISTS', key('lease', work_key), 'fence') == 1
if held or (redis.call('HGET', key('container', id), 'state') or '') ~= args.known then return conclude(args.key, 'CHANGED') end
if not container and wanted.name ~= '' then
  local holder = redis.call('ZRANGE', key('containers-by-name', wanted.folderId, wanted.name), 0, 0)[1]
  if holder then return conclude(args.key, 'NAME_TAKEN ' .. holder) end
end

local stays, ends = {}, {}
for _, instance in ipairs(args.leased) do stays[instance] = true end
for _, instance in ipairs(redis.call('SMEMBERS', key('devices-of', id))) do
  if not stays[instance] then ends[instance] = true end
end
local function holder_of(name, lease, device)
  local holder = redis.call('HGET', key(name), device_key(lease.host, device))
  if not holder or holder == lease.instanceId or ends[holder] then return nil end
  local other = device_lease_of(holder)
  return holder .. ' ' .. (other and other.containerId or '?')
end
for _, device in ipairs(args.devices) do
  local lease = device.lease
  for _, uuid in ipairs(lease.gpuUuids) do
    local holder = holder_of('gpus', lease, uuid)
    if holder then return conclude(args.key, 'DEVICE_TAKEN ' .. holder .. ' ' .. uuid) end
  end
  local holder = lease.port ~= cjson.null and holder_of('ports', lease, lease.port)
  if holder then return conclude(args.key, 'DEVICE_TAKEN ' .. holder .. ' port ' .. lease.port) end
end

if not container then
  container = { folderId = wanted.folderId, name = wanted.name, status = 'ACTIVE', sequence = next_sequence() }
  redis.call('HSET', key('container', id),
    'v', FORMAT, 'id', id, 'folderId', wanted.folderId, 'createdAt', wanted.createdAt, 'name', wanted.name,
    'description', wanted.description, 'labels', wanted.labels, 'bindings', '[]', 'status', 'ACTIVE',
    'version', 1, 'running', '', 'sequence', container.sequence)
  index(container_indexes(container), id, container.sequence)
elseif container.status == 'CREATING' then
  set_container_status(id, container, 'ACTIVE')
end
redis.call('HSET', key('container', id), 'v', FORMAT, 'state', args.state, 'running', '')

for _, former in ipairs(redis.call('ZRANGE', key('revisions-by-container-status', id, 'ACTIVE'), 0, -1)) do
  set_revision_status(former, 'OBSOLETE')
end
for _, revision in ipairs(args.revisions) do
  local known = revision_of(revision.id)
  if known and (revision.status == 'ACTIVE' or known.status == 'CREATING') then
    set_revision_status(revision.id, revision.status)
  elseif not known then
    local sequence = next_sequence()
    redis.call('HSET', key('revision', revision.id),
      'v', FORMAT, 'id', revision.id, 'containerId', id, 'folderId', container.folderId, 'description', revision.description,
      'createdAt', revision.createdAt, 'status', revision.status, 'spec', revision.spec, 'image', revision.image, 'sequence', sequence)
    index(revision_indexes({ containerId = id, folderId = container.folderId, status = revision.status }), revision.id, sequence)
  end
end
for _, unfinished in ipairs(redis.call('ZRANGE', key('journal', id), 0, -1)) do
  local operation = operation_of(unfinished)
  end_operation(operation, args.ended)
  local revision = operation.kind == 'DEPLOY' and revision_of(operation.revisionId)
  if revision and revision.status == 'CREATING' then remove_revision(operation.revisionId) end
end
redis.call('SREM', key('waiting'), id)

for instance in pairs(ends) do free_devices(id, instance) end
for _, device in ipairs(args.devices) do
  free_devices(id, device.lease.instanceId)
  mark_devices(device.lease, device.lease.instanceId)
  redis.call('HSET', key('devices'), device.lease.instanceId, device.text)
  redis.call('SADD', key('devices-of', id), device.lease.instanceId)
end
redis.call('SADD', key('unclean'), work_key)
unpark(work_key)
wake_container(id)
return conclude(args.key, 'REBUILT')
