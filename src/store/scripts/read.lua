-- Reads records.
-- KEYS  1 root
-- ARGV  1 {wanted: [[view, id], ...]}
-- Returns {text, ...}, a text for each, empty where there is none
-- Errors  none
-- include: texts

local found = {}
for position, wanted in ipairs(args.wanted) do found[position] = text_of(wanted[1], wanted[2]) end
return found
