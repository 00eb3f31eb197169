-- The JSON with the version where the placeholder is a value. A pattern would be tried at each character of what may be some kilobytes.
local function numbered(json, version)
  local value = ':' .. settings.routePlaceholder
  local parts, rest = {}, 1
  local first, last = json:find(value, 1, true)
  while first do
    if json:find('^[,}%]]', last + 1) then
      parts[#parts + 1] = json:sub(rest, first) .. version
      rest = last + 1
    end
    first, last = json:find(value, last + 1, true)
  end
  parts[#parts + 1] = json:sub(rest)
  return table.concat(parts)
end

-- Gives the change its route version, in the route and wherever the state names it, and tells the ingresses.
local function publish_route()
  local version = redis.call('INCR', key('route-version'))
  args.state = numbered(args.state, version)
  redis.call('HSET', key('routes'), args.containerId, numbered(args.route, version))
  redis.call('PUBLISH', key('routes-changed'), args.containerId .. ' ' .. version)
  return version
end
