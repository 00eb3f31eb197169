-- Hosts and what is leased of them, as of one moment: what has changed since a version, or all where that is not known any more.
-- KEYS  1 root
-- ARGV  1 {since (0: all)}
-- Returns {version, 1 if it is all, {name, host, ...}, {instance id, device lease, ...}}; an empty text says that it is gone
-- Errors  none
-- include: placement-feed

local version = tonumber(redis.call('GET', key('placement-version')) or '0')
if not feed_reaches(args.since, version) then
  return { version, 1, redis.call('HGETALL', key('hosts')), redis.call('HGETALL', key('devices')) }
end

local changed = { hosts = {}, devices = {} }
for _, member in ipairs(redis.call('ZRANGEBYSCORE', key('placement-feed'), '(' .. args.since, '+inf')) do
  local hash, field = member:match('^(%a+)/(.*)$')
  local list = changed[hash]
  list[#list + 1] = field
  list[#list + 1] = redis.call('HGET', key(hash), field) or ''
end
return { version, 0, changed.hosts, changed.devices }
