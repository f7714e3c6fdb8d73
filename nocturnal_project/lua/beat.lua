-- Say that an instance lives, forget those that do not, and name the living.
-- KEYS  1 a sorted set of instances by their last beat     ARGV  1 the instance  2 milliseconds until it counts as gone
-- Returns the ids of the living, in the order of their names.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2)
local living = redis.call('ZRANGE', KEYS[1], 0, -1)
table.sort(living)
return living
