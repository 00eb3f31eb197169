local function device_key(host, device)
  return host .. '/' .. device
end

local function device_lease_of(instance_id)
  local text = redis.call('HGET', key('devices'), instance_id)
  return text and cjson.decode(text) or nil, text
end

local function mark_devices(lease, instance_id)
  for _, uuid in ipairs(lease.gpuUuids) do redis.call('HSET', key('gpus'), device_key(lease.host, uuid), instance_id) end
  if lease.port ~= cjson.null then redis.call('HSET', key('ports'), device_key(lease.host, lease.port), instance_id) end
  feed('devices', instance_id)
end

-- Only what is still the instance's own: a device that went to another stays there.
local function clear_device(name, field, instance_id)
  if redis.call('HGET', name, field) == instance_id then redis.call('HDEL', name, field) end
end

local function free_devices(container_id, instance_id)
  local lease = device_lease_of(instance_id)
  if not lease then return false end
  for _, uuid in ipairs(lease.gpuUuids) do clear_device(key('gpus'), device_key(lease.host, uuid), instance_id) end
  if lease.port ~= cjson.null then clear_device(key('ports'), device_key(lease.host, lease.port), instance_id) end
  redis.call('HDEL', key('devices'), instance_id)
  feed('devices', instance_id)
  redis.call('SREM', key('devices-of', container_id), instance_id)
  return true
end
