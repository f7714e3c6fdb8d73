-- Decide one request: whether its session lives, who is blocked, who is held strictly, whether a try is left.
-- One round trip, all or nothing, on this server's clock in milliseconds, so that no pod's clock matters.
--
-- KEYS     the session's snapshot, where ARGV[1] is "1"; then for each subject, for each of its levels:
--          its hits; for a subject that answers for refusals also its refusals and its hold;
--          from the second level on also the siblings that misbehaved below it
-- ARGV     1 session?  2 look only?  3 window  4 normal  5 strict  6 strict_after  7 block_after
--          8... one a subject: "0" does not escalate, "1" escalates, "3xy" escalates on three levels (IPv6: /64, /56,
--          /48), x and y being the bytes that tell the subject from its siblings in the /56, and that from its in the /48
--
-- Hits and refusals are strings of stamps, six bytes each, oldest first: exact, and 30 bytes for five hits. Above
-- EXACT_UP_TO hits are merged: how many there are (six bytes), then entries of the youngest stamp of a slot and the
-- slot's number of hits (four bytes).
-- A hold is until, strict_until, forgotten_at (six bytes each) and how often it was a block (one byte).
-- Siblings are entries of a stamp and a byte.
-- A network that is counted as one is counted beside its /64s, not in their place: each has its own limit throughout.
--
-- Returns  {-1, snapshot or nil}: the snapshot is not a live one; nothing was charged
--          {outcome, limit, remaining, reset_ms, stamp, levels, snapshot, {subject, level, step, ms, times}...}
--          outcome: 0 allowed, 1 allowed under the strict limit, 2 refused, 3 refused under it, 4 blocked
--          levels: a digit for each subject, up to which of its levels it was charged
--          or, looking: {{outcome, limit, used, reset_ms, refusals, blocks, level}...}, one a subject
--
-- The key of live holds is named here and not in KEYS: one Redis holds all (cluster mode is off).

local HELD = 'rate-limit:held'
local LIVE = 76 -- 'L'
local get, put = struct.unpack, struct.pack
local floor, max, min = math.floor, math.max, math.min

local time = redis.call('TIME')
local clock = time[1] * 1000 + floor(time[2] / 1000)
local values = redis.call('MGET', unpack(KEYS))
local at, snapshot = 1, false
if ARGV[1] == '1' then
  snapshot = values[1]
  if not snapshot or string.byte(snapshot) ~= LIVE then return {-1, snapshot} end
  at = 2
end
local window, normal, strict = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local strict_after, block_after = tonumber(ARGV[6]), tonumber(ARGV[7])

-- Return the entries after `since` and how many they are.
local function after(packed, since, width)
  if not packed or #packed == 0 then return '', 0 end
  local count = #packed / width
  if get('>I6', packed, 1) > since then return packed, count end
  local old, young = 1, count + 1
  while old + 1 < young do
    local middle = floor((old + young) / 2)
    if get('>I6', packed, (middle - 1) * width + 1) > since then young = middle else old = middle end
  end
  return string.sub(packed, (young - 1) * width + 1), count - young + 1
end

local merged, slot = normal > EXACT_UP_TO, max(1, floor(window / SLOTS))

-- The usual request, in four fifths of the time: of nobody whom it names is anything known but hits, and each has a try
-- left. Whatever else there is, nothing is done here.
local function let_the_usual_pass()
  local from, tightest, reset, charged = at, normal + 1, window, {}
  for each = 8, #ARGV do
    local levels = string.byte(ARGV[each]) - 48
    local past = from + max(1, 4 * levels - 1)
    for other = from + 1, past - 1 do
      if values[other] then return end
    end
    local hits, used = after(values[from], clock - window, 6)
    if used >= normal or used > 0 and get('>I6', hits, #hits - 5) > clock then return end
    if normal - used < tightest then
      tightest, reset = normal - used, used > 0 and get('>I6', hits, 1) + window - clock or window
    end
    charged[#charged + 1], charged[#charged + 2] = KEYS[from], hits
    from = past
  end
  local stamp = put('>I6', clock)
  for each = 1, #charged, 2 do redis.call('SET', charged[each], charged[each + 1] .. stamp, 'PX', ARGV[3]) end
  return {0, normal, tightest - 1, reset, clock, string.rep('1', #charged / 2), snapshot}
end
if not merged and ARGV[2] == '0' then
  local passed = let_the_usual_pass()
  if passed then return passed end
end

-- A clock that was set back must not put stamps out of order: now stands still until it has caught up.
local now = clock
local function not_before(packed, width)
  if packed and #packed >= width then now = max(now, (get('>I6', packed, #packed - width + 1))) end
end

-- The entries after `since` of merged hits, whose first six bytes say how many they were.
local function merged_after(packed, since)
  if not packed then return '', 0 end
  local count, from = get('>I6', packed, 1), 7
  while from <= #packed do
    local stamp, hits = get('>I6I4', packed, from)
    if stamp > since then break end
    count, from = count - hits, from + 10
  end
  return string.sub(packed, from), count
end

-- Return the hits with one more, as they are stored.
local function with_one_more(hits, used)
  if not merged then return hits .. put('>I6', now) end
  local count = 1
  if #hits > 0 then
    local stamp, latest = get('>I6I4', hits, #hits - 9)
    if floor(stamp / slot) == floor(now / slot) then hits, count = string.sub(hits, 1, -11), latest + 1 end
  end
  return put('>I6', used + 1) .. hits .. put('>I6I4', now, count)
end

-- Return the ms until one more than `over` hits have left the window.
local function until_left(hits, over)
  if not merged then return get('>I6', hits, over * 6 + 1) + window - clock end
  local from, stamp, count = 1, now, 0
  repeat
    stamp, count = get('>I6I4', hits, from)
    over, from = over - count, from + 10
  until over < 0
  return stamp + window - clock
end

-- Read every subject: on which levels it is counted, and whether a hold of any of its levels keeps it.
local counts, levels = {}, {}
for each = 8, #ARGV do
  local shape = ARGV[each]
  local kind = string.byte(shape) - 48
  local blocked, strict, widest, offsets = 0, 0, 1, {at}
  if kind == 0 then
    at = at + 1
  else
    for level = 1, kind do
      offsets[level] = at
      not_before(values[at + 1], 6)
      local hold = values[at + 2]
      if hold then
        local blocked_until, strict_until = get('>I6I6', hold)
        blocked, strict = max(blocked, blocked_until), max(strict, strict_until)
      end
      if level > 1 then
        not_before(values[at + 3], 7)
        local _, misbehaved = after(values[at + 3], now - REFUSAL_MS, 7)
        if misbehaved >= SIBLINGS then widest = level end
        at = at + 1
      end
      at = at + 3
    end
  end
  for level = 1, widest do
    not_before(values[offsets[level]], merged and 10 or 6)
    counts[#counts + 1] = {
      subject = each - 7, level = level, at = offsets[level], above = offsets[level + 1], answers = level == widest,
      escalates = kind > 0, byte = string.sub(shape, level + 1, level + 1), blocked = blocked, strict = strict,
    }
  end
  levels[each - 7] = widest
end

-- Of two counts the verdict is of the one that refuses, for longer; else of the one with less left.
local function weightier(one, other)
  if not other or one.refuses ~= other.refuses then return not other or one.refuses end
  if one.refuses then return one.reset > other.reset end
  return one.left < other.left
end

-- Say where each stands.
local verdict, standing = nil, {}
for _, count in ipairs(counts) do
  if merged then
    count.hits, count.used = merged_after(values[count.at], now - window)
  else
    count.hits, count.used = after(values[count.at], now - window, 6)
  end
  count.refusals, count.refused = '', 0
  if count.escalates then count.refusals, count.refused = after(values[count.at + 1], now - REFUSAL_MS, 6) end
  local strictly = count.escalates and (count.refused >= strict_after or count.strict > now)
  count.limit = strictly and strict or normal
  count.left = count.limit - count.used
  if count.blocked > now then
    count.outcome, count.reset = 4, count.blocked - clock
  elseif count.left <= 0 then
    count.outcome, count.reset = strictly and 3 or 2, until_left(count.hits, -count.left)
  else
    count.outcome = strictly and 1 or 0
    count.reset = count.used > 0 and until_left(count.hits, 0) or window
  end
  count.refuses = count.outcome >= 2
  if weightier(count, verdict) then verdict = count end
  if weightier(count, standing[count.subject]) then standing[count.subject] = count end
end

if ARGV[2] == '1' then
  local found = {}
  for _, count in ipairs(counts) do
    if count.answers then
      local stands, times = standing[count.subject], 0
      local hold = count.escalates and values[count.at + 2]
      if hold then
        local _, _, forgotten_at, blocks = get('>I6I6I6B', hold)
        times = forgotten_at > now and blocks or 0
      end
      local reset = (stands.refuses or stands.used > 0) and stands.reset or 0
      found[#found + 1] = {stands.outcome, stands.limit, stands.used, reset, count.refused, times, count.level}
    end
  end
  return found
end

levels = table.concat(levels)
-- What is kept until a time from now is kept so much longer as now is ahead of the clock that keys end by.
local ahead = now - clock

if not verdict.refuses then
  for _, count in ipairs(counts) do
    redis.call('SET', KEYS[count.at], with_one_more(count.hits, count.used), 'PX', window + ahead)
  end
  return {verdict.outcome, verdict.limit, verdict.left - 1, verdict.reset, now, levels, snapshot}
end

-- A refusal is remembered against those who answer for it. It never makes the wait longer; enough of them are a step.
local answer = {verdict.outcome, verdict.limit, 0, verdict.reset, now, levels, snapshot}

-- List whom a step holds, for as long as it may at most.
local function list(at, kind, ms)
  local name = merged and string.sub(KEYS[at], 1, -1 - #':merged') or KEYS[at]
  redis.call('ZADD', HELD, 'GT', now + ms, kind .. ' ' .. name)
  if redis.call('PTTL', HELD) < ms then redis.call('PEXPIRE', HELD, ms + ahead) end
end

local function step(count, above, kind, ms, times)
  redis.call('ZREMRANGEBYSCORE', HELD, '-inf', clock)
  answer[#answer + 1] = {count.subject, count.level + above, kind, ms, times}
end

-- Remember above a count that it misbehaves: enough siblings that do are counted as one.
local function widen(count)
  local entries, known = after(values[count.above + 3], now - REFUSAL_MS, 7)
  local siblings = {}
  for entry = 1, #entries, 7 do
    local sibling = string.sub(entries, entry, entry + 6)
    if string.sub(sibling, 7) ~= count.byte then siblings[#siblings + 1] = sibling end
  end
  siblings[#siblings + 1] = put('>I6', now) .. count.byte
  redis.call('SET', KEYS[count.above + 3], table.concat(siblings), 'PX', REFUSAL_MS + ahead)
  if #siblings >= SIBLINGS then list(count.above, 'widened', REFUSAL_MS) end
  if known < SIBLINGS and #siblings >= SIBLINGS then step(count, 1, 'widened', REFUSAL_MS, #siblings) end
end

local function block(count)
  local hold, times, strict_until = values[count.at + 2], 0, 0
  if hold then
    local _, held_strictly, forgotten_at, blocks = get('>I6I6I6B', hold)
    strict_until = held_strictly
    if forgotten_at > now then times = blocks end
  end
  local ms = min(FIRST_BLOCK_MS * 2 ^ times, LONGEST_BLOCK_MS)
  times = min(times + 1, 255)
  local forgotten_at = now + ms + BLOCK_MEMORY_MS
  local packed = put('>I6I6I6B', now + ms, strict_until, forgotten_at, times)
  redis.call('SET', KEYS[count.at + 2], packed, 'PX', max(forgotten_at, strict_until) - clock)
  list(count.at, 'blocked', ms)
  step(count, 0, 'blocked', ms, times)
end

for _, count in ipairs(counts) do
  if count.escalates and count.answers then
    local before, kept = count.refused, count.refusals
    if before >= block_after then kept = string.sub(kept, (before - block_after + 1) * 6 + 1) end
    local refused = min(before + 1, block_after)
    redis.call('SET', KEYS[count.at + 1], kept .. put('>I6', now), 'PX', REFUSAL_MS + ahead)
    if refused >= strict_after then
      list(count.at, 'strict', REFUSAL_MS)
      if before < strict_after then step(count, 0, 'strict', REFUSAL_MS, refused) end
      if count.above then widen(count) end
      if refused >= block_after and count.blocked <= now then block(count) end
    end
  end
end
return answer
