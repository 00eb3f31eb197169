-- How often the time is noted, and so by how much a clock may be set back without being noticed.
local NOTED_EVERY_MS = 1000

-- Notes how late it is. Where Redis' clock was set back since, or is another's that is behind, time goes on as if it had not, or else all that is due at a
-- time would wait for that long. From then on it goes slower by a tenth until the two agree. A Redis that takes no writes notes nothing.
local function keep_time()
  local passed = clock_now - clock_noted
  if passed >= 0 and passed < NOTED_EVERY_MS then return end
  local change = passed < 0 and -passed or -math.min(clock_lead, NOTED_EVERY_MS / 10)
  now = clock_now + change
  clock_lead = clock_lead + change
  redis.pcall('HSET', key('clock'), 'at', now, 'lead', clock_lead)
end
