-- Makes keys due no later than in their `delayMs`, and tells the holders of those that are leased.
-- KEYS  1 root
-- ARGV  1 {entries: [{key, delayMs}]}
-- Returns OK
-- Errors  none
-- include: work

local told = {}
for _, entry in ipairs(args.entries) do
  if make_due(entry.key, now + entry.delayMs) then told[#told + 1] = entry.key end
end
tell(told)
return OK
