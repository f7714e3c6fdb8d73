-- Be no longer among the living, let the others know with their next beat, and leave a word for who asks why.
-- KEYS  1 the living   2 what each says of itself   3 the mark of the last coming or going   4 this one's readings
-- ARGV  1 the instance
local time = redis.call('TIME')
local mark = tonumber(redis.call('GET', KEYS[3]) or 0)
if redis.call('ZREM', KEYS[1], ARGV[1]) == 1 and mark > 0 then
  redis.call('SET', KEYS[3], string.format('%.0f', math.max(time[1] * 1000, mark + 1)), 'KEEPTTL')
end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('LPUSHX', KEYS[4], 'left')
return 0
