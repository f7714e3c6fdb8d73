-- Tell of every instance that lives, and of those that are gone and not yet forgotten. Only read: who looks is none.
-- The lists' names are made here, of those of the instances; so this needs a Redis without cluster mode, as all does.
-- KEYS  1 the living   2 what each says of itself   3 all whose readings are still kept
-- ARGV  1 milliseconds until one counts as gone   2 what the names of the lists of readings begin with
--       3 how many readings of each   4 milliseconds until one is forgotten
-- Returns {now, {id, milliseconds of its last beat, what it says of itself or nil, {its readings, newest first}}, ...}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found, told = {now}, {}
local function tell(key, ago, living)
  local ids = redis.call('ZRANGEBYSCORE', key, string.format('(%.0f', now - ago), '+inf', 'WITHSCORES')
  for at = 1, #ids, 2 do
    local id = ids[at]
    if not told[id] then
      told[id] = true
      local said = living and (redis.call('HGET', KEYS[2], id) or '{}')
      table.insert(found, {id, ids[at + 1], said, redis.call('LRANGE', ARGV[2] .. id, 0, ARGV[3] - 1)})
    end
  end
end
tell(KEYS[1], ARGV[1], true)
tell(KEYS[3], ARGV[4], false)
return found
