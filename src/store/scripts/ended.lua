-- Tells which operations nobody has to wait for any more.
-- KEYS  1 root
-- ARGV  1 {operationIds}
-- Returns {operationId, ...}: of those given the ones that are DONE, or of which there is none, or that cannot be read
-- Errors  none
-- include: operation

local ended = {}
for _, id in ipairs(args.operationIds) do
  local read, operation = pcall(operation_of, id)
  if not read or not operation or operation.state == 'DONE' then ended[#ended + 1] = id end
end
return ended
