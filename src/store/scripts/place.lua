-- Leases all the devices of an instance, or none, and stores the state that names them. Where Redis has become another one since the host was last
-- looked at (it was restarted or restored, or a replica took its place) it may have forgotten leases there: nothing is leased before the next look.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity,
--          devices (text), lease: {instanceId, host, gpuUuids, port}}
-- Returns PLACED | TAKEN | UNSEEN (the host is due to be looked at) | GONE
-- Errors  LEASE_LOST, STALE_STEP
-- include: work lease state placement-feed devices replication

local settled = settle(args.key)
if settled then return settled end
if redis.call('EXISTS', key('container', args.containerId)) == 0 then return conclude(args.key, 'GONE') end

local lease = args.lease
local function taken(name, device)
  local holder = redis.call('HGET', key(name), device_key(lease.host, device))
  return holder and holder ~= lease.instanceId
end

local host = redis.call('HGET', key('hosts'), lease.host)
local foreign = {}
-- What takes no GPU needs to know one thing of the host alone, which is found sooner than all is decoded. Only orphans have an id of that name as well.
local function is_seen_by_this_redis()
  local id = '"replicationId":"' .. replication_id() .. '"'
  return host:find(id, 1, true) and host:find('"orphans":[]', 1, true)
end
if host and (#lease.gpuUuids > 0 or not is_seen_by_this_redis()) then
  local known = cjson.decode(host)
  if has(known.replicationId) and known.replicationId ~= replication_id() then
    local work_key = 'host/' .. lease.host
    make_due(work_key, now)
    tell({ work_key })
    return conclude(args.key, 'UNSEEN')
  end
  for _, uuid in ipairs(known.foreignGpus) do foreign[uuid] = true end
end
for _, uuid in ipairs(lease.gpuUuids) do
  if foreign[uuid] or taken('gpus', uuid) then return conclude(args.key, 'TAKEN') end
end
if lease.port ~= cjson.null and taken('ports', lease.port) then return conclude(args.key, 'TAKEN') end

free_devices(args.containerId, lease.instanceId)
mark_devices(lease, lease.instanceId)
redis.call('HSET', key('devices'), lease.instanceId, args.devices)
redis.call('SADD', key('devices-of', args.containerId), lease.instanceId)
note_waiting(args.containerId, false)
store_state()
return conclude(args.key, 'PLACED')
