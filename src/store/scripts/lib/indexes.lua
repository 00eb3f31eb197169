-- include: operation
local function next_sequence()
  return redis.call('INCR', key('sequence'))
end

local function container_indexes(container)
  return {
    key('containers-by-folder', container.folderId),
    key('containers-by-name', container.folderId, container.name),
    key('containers-by-status', container.folderId, container.status),
  }
end

-- They are apart by status: a list of several is read from several indexes. One that is being deployed is on no folder's list.
local function revision_indexes(revision)
  local of_container = key('revisions-by-container-status', revision.containerId, revision.status)
  if revision.status == 'CREATING' then return { of_container } end
  return { of_container, key('revisions-by-folder-status', revision.folderId, revision.status) }
end

-- The finished and the unfinished are apart: a list of both is read from two indexes.
local function operation_indexes(operation)
  if operation.state == 'DONE' then
    return { key('operations-by-folder', operation.folderId, 1), key('operations-by-container', operation.containerId) }
  end
  return { key('operations-by-folder', operation.folderId, 0), key('journal', operation.containerId) }
end

local function index(keys, id, sequence)
  for _, name in ipairs(keys) do redis.call('ZADD', name, sequence, id) end
end

local function unindex(keys, id)
  for _, name in ipairs(keys) do redis.call('ZREM', name, id) end
end

-- The fields of a hash by name, or nil.
local function fields_of(name, wanted)
  local values = redis.call('HMGET', name, unpack(wanted))
  if not values[1] then return nil end
  local fields = {}
  for position, field in ipairs(wanted) do fields[field] = values[position] end
  return fields
end

local function container_of(id)
  return fields_of(key('container', id), { 'folderId', 'name', 'status', 'sequence', 'version', 'running', 'v' })
end

local function revision_of(id)
  return fields_of(key('revision', id), { 'containerId', 'folderId', 'status', 'sequence', 'v' })
end

-- The refusal of a record that a newer version has written, which this code would misread and damage; else nil.
local function too_new(what, id, record)
  if (tonumber(record.v) or 0) > FORMAT then return { 'TOO_NEW', what .. ' ' .. id, record.v } end
  return nil
end

local function set_container_status(id, container, status)
  unindex(container_indexes(container), id)
  container.status = status
  redis.call('HSET', key('container', id), 'status', status)
  index(container_indexes(container), id, container.sequence)
end

-- `known`: the revision, where it has been read.
local function set_revision_status(id, status, known)
  local revision = known or revision_of(id)
  if not revision or revision.status == status then return end
  unindex(revision_indexes(revision), id)
  revision.status = status
  redis.call('HSET', key('revision', id), 'status', status)
  index(revision_indexes(revision), id, revision.sequence)
end

local function remove_revision(id)
  local revision = revision_of(id)
  if not revision then return end
  unindex(revision_indexes(revision), id)
  redis.call('DEL', key('revision', id))
end
