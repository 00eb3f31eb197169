-- VIEWS stands before it.
-- A record as one text, or the empty text where there is none: an operation as it is stored, of a hash the fields of a view, a line each.
-- The last field of a view may have lines of its own, no other has.
local function text_of(view, id)
  if view == 'operation' then return redis.call('GET', key('operation', id)) or '' end
  local wanted = VIEWS[view]
  local values = redis.call('HMGET', key(wanted.family, id), unpack(wanted.fields))
  if not values[1] then return '' end
  for position, value in ipairs(values) do values[position] = value or '' end
  return table.concat(values, '\n')
end
