-- include: ingresses
-- A container and everything that planning it depends on, but for what is the same for all of them (surroundings):
-- {container, running operation's id and text, those of the queued one, 1 if a delete waits or runs, {revision, ...}}; nil: there is none.
-- Of records only the values are sent, in the order of these names (loading.ts has the same): what a client spends on a reply, it spends by the text.
local CONTAINER_FIELDS = { 'v', 'id', 'folderId', 'createdAt', 'name', 'description', 'labels', 'status', 'version', 'state' }
local REVISION_FIELDS = { 'v', 'id', 'containerId', 'folderId', 'description', 'createdAt', 'status', 'spec', 'image' }

local function container_loaded(container_id)
  local container = redis.call('HMGET', key('container', container_id), unpack(CONTAINER_FIELDS))
  if not container[1] then return nil end

  local wanted = {}
  local function want(id)
    if has(id) and id ~= cjson.null then wanted[id] = true end
  end

  local running, queued, deleting = {}, {}, 0
  for _, id in ipairs(redis.call('ZRANGE', key('journal', container_id), 0, -1)) do
    local operation = operation_of(id)
    if operation.kind == 'DELETE' then deleting = 1 end
    if operation.state == 'RUNNING' then
      running = { id, redis.call('GET', key('operation', id)) }
      want(operation.revisionId)
    elseif #queued == 0 then
      queued = { id, redis.call('GET', key('operation', id)) }
      want(operation.revisionId)
    end
  end

  local state = cjson.decode(container[#CONTAINER_FIELDS])
  want(state.activeRevisionId)
  want(state.stableRevisionId)
  for _, instance in ipairs(state.instances) do want(instance.revisionId) end
  if type(state.rollout) == 'table' then
    want(state.rollout.revisionId)
    want(state.rollout.formerRevisionId)
  end

  local revisions = {}
  for id in pairs(wanted) do
    local revision = redis.call('HMGET', key('revision', id), unpack(REVISION_FIELDS))
    if revision[1] then revisions[#revisions + 1] = revision end
  end
  return { container, running, queued, deleting, revisions }
end

-- {now, {ingress report, ...}, capacity version, how many containers wait for capacity}
local function surroundings()
  local capacity = tonumber(redis.call('GET', key('capacity-version')) or '0')
  return { now, ingress_reports(), capacity, redis.call('SCARD', key('waiting')) }
end
