-- A page of a list, newest first, as of one moment. The list is in one index, or in several that have no entry in common.
-- KEYS  1 root
-- ARGV  1 {indexes: [[family, part, ...], ...], view, after? (position), limit}
-- Returns {1 if more follows, else 0, id, position, text, ...}, flat
-- Errors  none
-- include: texts

local from = args.after and '(' .. args.after or '+inf'
local entries = {}
for _, index in ipairs(args.indexes) do
  local found = redis.call('ZREVRANGEBYSCORE', key(unpack(index)), from, '-inf', 'WITHSCORES', 'LIMIT', 0, args.limit + 1)
  for position = 1, #found, 2 do
    entries[#entries + 1] = { id = found[position], position = found[position + 1] }
  end
end
if #args.indexes > 1 then
  table.sort(entries, function(one, other) return tonumber(one.position) > tonumber(other.position) end)
end

local page = { #entries > args.limit and 1 or 0 }
for number = 1, math.min(#entries, args.limit) do
  local entry = entries[number]
  page[#page + 1] = entry.id
  page[#page + 1] = entry.position
  page[#page + 1] = text_of(args.view, entry.id)
end
return page
