-- How long an ingress is still waited for after somebody missed its heartbeat: it may only have had no Redis to report to.
local MISSED_MS = 3000

-- Whether an ingress whose heartbeat has lapsed is given up by now, and so forgotten. A Redis that takes no writes forgets nobody.
local function given_up(id)
  local missed = key('ingress-missed', id)
  local at = tonumber(redis.call('GET', missed) or '')
  if not at or at > now then
    redis.pcall('SET', missed, now, 'PX', 3600000)
    return false
  end
  if now < at + MISSED_MS then return false end
  redis.pcall('SREM', key('ingresses'), id)
  redis.pcall('HDEL', key('ingress-until'), id)
  redis.pcall('DEL', missed)
  return true
end

-- What an ingress has said last, while that counts. By Redis' own clock it would live on where that was set back.
local function report_of(id)
  local report = redis.call('GET', key('ingress', id))
  local counts_until = report and tonumber(redis.call('HGET', key('ingress-until'), id) or '')
  return (not counts_until or now <= counts_until) and report
end

-- What the ingresses that live have reported last, a text each. One that was only missed may be anywhere, and has applied nothing.
local function ingress_reports()
  local reports = {}
  for _, id in ipairs(redis.call('SMEMBERS', key('ingresses'))) do
    local report = report_of(id)
    if report then
      reports[#reports + 1] = report
    elseif not given_up(id) then
      reports[#reports + 1] = '{"v":' .. FORMAT .. ',"appliedVersion":0,"busyInstances":[],"ingressId":' .. cjson.encode(id) .. '}'
    end
  end
  return reports
end
