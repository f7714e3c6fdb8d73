-- Tell of every instance that lives. Only read: who looks is none itself, and forgets nobody.
-- The lists' names are made here, of those of the living; so this needs a Redis without cluster mode, as all does.
-- KEYS  1 the living   2 what each says of itself     ARGV  1 milliseconds until one counts as gone
--       2 what the names of the lists of readings begin with   3 how many readings of each
-- Returns {now, {id, milliseconds of its last beat, what it says of itself, {its readings, newest first}}, ...}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {now}
local living = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now - ARGV[1]), '+inf', 'WITHSCORES')
for at = 1, #living, 2 do
  local id = living[at]
  local said = redis.call('HGET', KEYS[2], id) or '{}'
  table.insert(found, {id, living[at + 1], said, redis.call('LRANGE', ARGV[2] .. id, 0, ARGV[3] - 1)})
end
return found
