-- Take snapshots out of use: what a reader that is under way has read of the database can no longer be put in.
-- KEYS  the snapshots     ARGV  1 "E", or "M" and the oldest version that may be put again  2 milliseconds to remember
for _, key in ipairs(KEYS) do
  local known = redis.call('GET', key)
  if not known or string.sub(known, 1, 1) ~= 'E' then redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
end
return #KEYS
