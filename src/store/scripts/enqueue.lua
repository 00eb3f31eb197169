-- Makes a key due no later than in `delayMs`, and tells its holder if it is leased.
-- KEYS  1 root
-- ARGV  1 {key, delayMs}
-- Returns OK
-- Errors  none
-- include: work

wake(args.key, now + args.delayMs)
return OK
