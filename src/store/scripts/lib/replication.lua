-- Which Redis this is, at this very moment: another id after each restart, restore or change of the primary. Who asks for a script may not have heard yet.
local present_id
local function replication_id()
  if present_id then return present_id end
  local info = redis.call('INFO', 'replication')
  local _, at = info:find('master_replid:', 1, true)
  present_id = at and info:sub(at + 1, at + 40) or ''
  return present_id
end
