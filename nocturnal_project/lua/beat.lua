-- Say that an instance lives and what it is doing, forget those that do not, and name the living if they changed.
-- What it costs does not grow with the number of instances, but when one comes or goes.
-- KEYS  1 a sorted set of instances by their last beat     2 a hash of what each says of itself
--       3 the mark of the last coming or going             4 a list of this one's readings, newest first
--       5 a sorted set like the first, of all whose readings are still kept
-- ARGV  1 the instance   2 milliseconds until it counts as gone   3 what it says of itself   4 its reading
--       5 readings that are kept   6 milliseconds for which they are   7 the mark that it knows   8 how many it knows
-- Returns {mark}, or {mark, the ids of the living} if the mark or their number is another.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local changed = redis.call('ZADD', KEYS[1], now, ARGV[1]) == 1
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
  changed = true
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('LPUSH', KEYS[4], string.format('%.0f ', now) .. ARGV[4])
redis.call('LTRIM', KEYS[4], 0, ARGV[5] - 1)
redis.call('ZADD', KEYS[5], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - ARGV[6])
local mark = tonumber(redis.call('GET', KEYS[3]) or 0)
if changed or mark == 0 then
  mark = math.max(now, mark + 1)
  redis.call('SET', KEYS[3], string.format('%.0f', mark))
end
for key = 1, 3 do redis.call('PEXPIRE', KEYS[key], ARGV[2] * 2) end
for key = 4, 5 do redis.call('PEXPIRE', KEYS[key], ARGV[6]) end
if mark == tonumber(ARGV[7]) and redis.call('ZCARD', KEYS[1]) == tonumber(ARGV[8]) then return {mark} end
return {mark, redis.call('ZRANGE', KEYS[1], 0, -1)}
