-- Take one charge off each subject: the try turned out to be a good one.
-- KEYS  the hits that were charged     ARGV  1 the stamp of the charge  2 the slot of merged hits, in milliseconds
-- A charge that has left the window, or was reset meanwhile, is no longer there to be taken off. Merged hits (see
-- decide.lua) are under the youngest stamp of their slot, which is the charge's or later.
local get, put = struct.unpack, struct.pack
local charged, slot = tonumber(ARGV[1]), tonumber(ARGV[2])
local floor = math.floor

local function without(hits)
  for at = #hits - 5, 1, -6 do
    if get('>I6', hits, at) == charged then return string.sub(hits, 1, at - 1) .. string.sub(hits, at + 6) end
  end
end

local function merged_without(hits)
  for at = 7, #hits, 10 do
    local stamp, count = get('>I6I4', hits, at)
    if stamp >= charged and floor(stamp / slot) == floor(charged / slot) then
      local total = get('>I6', hits, 1) - 1
      if total == 0 then return '' end
      local entry = count > 1 and put('>I6I4', stamp, count - 1) or ''
      return put('>I6', total) .. string.sub(hits, 7, at - 1) .. entry .. string.sub(hits, at + 10)
    end
  end
end

for _, key in ipairs(KEYS) do
  local hits = redis.call('GET', key)
  local rest = hits and (string.sub(key, -7) == ':merged' and merged_without or without)(hits)
  if rest == '' then redis.call('DEL', key) elseif rest then redis.call('SET', key, rest, 'KEEPTTL') end
end
return 0
