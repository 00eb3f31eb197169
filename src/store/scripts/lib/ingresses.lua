-- What the ingresses that live have reported last, a text each.
local function ingress_reports()
  local reports = {}
  for _, id in ipairs(redis.call('SMEMBERS', key('ingresses'))) do
    local report = redis.call('GET', key('ingress', id))
    if report then reports[#reports + 1] = report end
  end
  return reports
end
