-- Gives the change its route version, in the route and wherever the state names it, and tells the ingresses.
local function publish_route()
  local version = redis.call('INCR', key('route-version'))
  local pattern = '(:)' .. settings.routePlaceholder:gsub('%-', '%%-') .. '([,}%]])'
  local numbered = '%1' .. version .. '%2'
  args.state = args.state:gsub(pattern, numbered)
  redis.call('HSET', key('routes'), args.containerId, (args.route:gsub(pattern, numbered)))
  redis.call('PUBLISH', key('routes-changed'), args.containerId .. ' ' .. version)
  return version
end
