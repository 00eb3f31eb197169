-- Leases all the devices of an instance, or none, and stores the state that names them.
-- KEYS  1 root
-- ARGV  1 {key, fence, token, step, containerId, state, image?, progress?, waitsForCapacity, devices (text),
--          lease: {instanceId, host, gpuUuids, port}}
-- Returns PLACED | TAKEN | GONE
-- Errors  LEASE_LOST, STALE_STEP
-- include: lease state placement-feed devices

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
if host then
  for _, uuid in ipairs(cjson.decode(host).foreignGpus) do foreign[uuid] = true end
end
for _, uuid in ipairs(lease.gpuUuids) do
  if foreign[uuid] or taken('gpus', uuid) then return conclude(args.key, 'TAKEN') end
end
if lease.port ~= cjson.null and taken('ports', lease.port) then return conclude(args.key, 'TAKEN') end

free_devices(args.containerId, lease.instanceId)
mark_devices(lease, lease.instanceId)
redis.call('HSET', key('devices'), lease.instanceId, args.devices)
redis.call('SADD', key('devices-of', args.containerId), lease.instanceId)
redis.call('SREM', key('waiting'), args.containerId)
store_state()
return conclude(args.key, 'PLACED')
