-- The heartbeat of an ingress. Forgets those that are given up, and wakes the containers that waited for what it says.
-- KEYS  1 root
-- ARGV  1 {ingressId, report, ttlMs, wake: [container id]}
-- Returns the version of the routes, from when on no change of them is completed without this ingress
-- Errors  none
-- include: work ingresses

redis.call('SET', key('ingress', args.ingressId), args.report, 'PX', args.ttlMs)
redis.call('HSET', key('ingress-until'), args.ingressId, now + args.ttlMs)
redis.call('SADD', key('ingresses'), args.ingressId)
redis.call('DEL', key('ingress-missed', args.ingressId))
for _, id in ipairs(redis.call('SMEMBERS', key('ingresses'))) do
  if not report_of(id) then given_up(id) end
end
for _, id in ipairs(args.wake) do wake_container(id) end
return tonumber(redis.call('GET', key('route-version')) or '0')
