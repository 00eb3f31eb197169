-- An ingress leaves at once instead of by lapse.
-- KEYS  1 root
-- ARGV  1 {ingressId}
-- Returns OK
-- Errors  none

redis.call('DEL', key('ingress', args.ingressId), key('ingress-missed', args.ingressId))
redis.call('HDEL', key('ingress-until'), args.ingressId)
redis.call('SREM', key('ingresses'), args.ingressId)
return OK
