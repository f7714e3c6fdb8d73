-- Hold a subject as staff decide: blocked, or to the strict limit, for a time from now on this server's clock.
-- KEYS  1 its hold     ARGV  1 "blocked" or "strict"  2 milliseconds  3 what the list of holds calls it
-- The number of earlier blocks is kept, so that a block of staff's counts as none of its own.
local HELD = 'rate-limit:held'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ms = tonumber(ARGV[2])
local blocked_until, strict_until, forgotten_at, times = 0, 0, 0, 0
local hold = redis.call('GET', KEYS[1])
if hold then blocked_until, strict_until, forgotten_at, times = struct.unpack('>I6I6I6B', hold) end
if ARGV[1] == 'blocked' then blocked_until = now + ms else strict_until = now + ms end
local last = math.max(blocked_until, strict_until, forgotten_at, now + 1)
redis.call('SET', KEYS[1], struct.pack('>I6I6I6B', blocked_until, strict_until, forgotten_at, times), 'PX', last - now)
redis.call('ZADD', HELD, now + ms, ARGV[1] .. ' ' .. ARGV[3])
if redis.call('PTTL', HELD) < ms then redis.call('PEXPIRE', HELD, ms) end
return now + ms
