-- Keep what the database says of a session, unless something newer is known.
-- KEYS  1 the snapshot     ARGV  1 its version  2 its text  3 milliseconds to keep it
-- A snapshot is "L" and a version, a line feed and the text; "M" and a version means that no older one may be put
-- back; "E" that the session has ended, or may have, and the database is to be asked.
local known = redis.call('GET', KEYS[1])
if known then
  local kind = string.sub(known, 1, 1)
  if kind == 'E' then return 0 end
  if tonumber(string.match(known, '^%a(%d+)')) > tonumber(ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], 'L' .. ARGV[1] .. '\n' .. ARGV[2], 'PX', ARGV[3])
return 1
