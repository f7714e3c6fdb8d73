-- Add decisions to a minute, all or none, and let the minute end by itself.
-- KEYS  1 the minute     ARGV  1 seconds until it is forgotten  2... an outcome and its number, again and again
for at = 2, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 0
