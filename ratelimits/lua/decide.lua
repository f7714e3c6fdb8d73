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
--
-- Returns  {-1, snapshot or nil}: the snapshot is not a live one; nothing was charged
--          {outcome, limit, remaining, reset_ms, stamp, levels, snapshot, {subject, level, step, ms, times}...}
--          outcome: 0 allowed, 1 allowed under the strict limit, 2 refused, 3 refused under it, 4 blocked
--          levels: a digit for each subject, which of its levels was charged
--          or, looking: {{outcome, limit, used, reset_ms, refusals, blocks, level}...}, one a subject
--
-- The key of live holds is named here and not in KEYS: one Redis holds all (cluster mode is off).

local HELD = 'rate-limit:held'
local LIVE = 76 -- 'L'
local get, put = struct.unpack, struct.pack
local floor, max, min = math.floor, math.max, math.min

local time = redis.call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
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

-- The same of merged hits, whose first six bytes say how many they were.
local merged, slot = normal > EXACT_UP_TO, max(1, floor(window / SLOTS))
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
  if not merged then return get('>I6', hits, over * 6 + 1) + window - now end
  local from, stamp, count = 1, now, 0
  repeat
    stamp, count = get('>I6I4', hits, from)
    over, from = over - count, from + 10
  until over < 0
  return stamp + window - now
end

-- Read every subject: on which level it is counted, and whether a hold of any of its levels keeps it.
local subjects = {}
for each = 8, #ARGV do
  local shape = ARGV[each]
  local kind = string.byte(shape) - 48
  local subject = {escalates = kind > 0, shape = shape, level = 1, chosen = at, offsets = {at}, blocked = 0, strict = 0}
  if kind == 0 then
    at = at + 1
  else
    for level = 1, kind do
      subject.offsets[level] = at
      local hold = values[at + 2]
      if hold then
        local blocked_until, strict_until = get('>I6I6', hold)
        subject.blocked = max(subject.blocked, blocked_until)
        subject.strict = max(subject.strict, strict_until)
      end
      if level > 1 then
        local _, misbehaved = after(values[at + 3], now - REFUSAL_MS, 7)
        if misbehaved >= SIBLINGS then subject.level, subject.chosen = level, at end
        at = at + 1
      end
      at = at + 3
    end
  end
  local hits = values[subject.chosen]
  -- A clock that was set back must not put stamps out of order: time stands still until it has caught up.
  if hits and #hits > 0 then now = max(now, (get('>I6', hits, #hits - (merged and 9 or 5)))) end
  subjects[each - 7] = subject
end

-- Say where each stands. The verdict is the longest wait of those that refuse, else the tightest of those that let pass.
local refused, worst, tightest = false, nil, nil
for _, subject in ipairs(subjects) do
  if merged then
    subject.hits, subject.used = merged_after(values[subject.chosen], now - window)
  else
    subject.hits, subject.used = after(values[subject.chosen], now - window, 6)
  end
  subject.refusals, subject.refused = '', 0
  if subject.escalates then
    subject.refusals, subject.refused = after(values[subject.chosen + 1], now - REFUSAL_MS, 6)
  end
  local strictly = subject.escalates and (subject.refused >= strict_after or subject.strict > now)
  local limit = strictly and strict or normal
  local left = limit - subject.used
  local reset
  if subject.blocked > now then
    subject.outcome, reset = 4, subject.blocked - now
  elseif left <= 0 then
    subject.outcome, reset = strictly and 3 or 2, until_left(subject.hits, -left)
  else
    subject.outcome = strictly and 1 or 0
    reset = subject.used > 0 and until_left(subject.hits, 0) or window
  end
  subject.limit, subject.left, subject.reset = limit, left, reset
  if subject.outcome >= 2 then
    refused = true
    if not worst or reset > worst.reset then worst = subject end
  elseif not tightest or left < tightest.left then
    tightest = subject
  end
end

if ARGV[2] == '1' then
  local found = {}
  for _, subject in ipairs(subjects) do
    local reset, times = subject.reset, 0
    local hold = subject.escalates and values[subject.chosen + 2]
    if hold then
      local _, _, forgotten_at, blocks = get('>I6I6I6B', hold)
      times = forgotten_at > now and blocks or 0
    end
    if subject.outcome < 2 and subject.used == 0 then reset = 0 end
    found[#found + 1] = {subject.outcome, subject.limit, subject.used, reset, subject.refused, times, subject.level}
  end
  return found
end

local levels = {}
for each, subject in ipairs(subjects) do levels[each] = subject.level end
levels = table.concat(levels)

if not refused then
  for _, subject in ipairs(subjects) do
    redis.call('SET', KEYS[subject.chosen], with_one_more(subject.hits, subject.used), 'PX', window)
  end
  return {tightest.outcome, tightest.limit, tightest.left - 1, tightest.reset, now, levels, snapshot}
end

-- A refusal is remembered against those who answer for it. It never makes the wait longer; enough of them are a step.
local answer = {worst.outcome, worst.limit, 0, worst.reset, now, levels, snapshot}
local function step(each, level, kind, ms, times)
  local offset = subjects[each].offsets[level]
  answer[#answer + 1] = {each, level, kind, ms, times}
  redis.call('ZREMRANGEBYSCORE', HELD, '-inf', now)
  redis.call('ZADD', HELD, 'GT', now + ms, kind .. ' ' .. KEYS[offset])
  if redis.call('PTTL', HELD) < ms then redis.call('PEXPIRE', HELD, ms) end
end

for each, subject in ipairs(subjects) do
  if subject.escalates then
    local before = subject.refused
    local kept = subject.refusals
    if before >= block_after then kept = string.sub(kept, (before - block_after + 1) * 6 + 1) end
    local count = min(before + 1, block_after)
    redis.call('SET', KEYS[subject.chosen + 1], kept .. put('>I6', now), 'PX', REFUSAL_MS)
    if before < strict_after and count >= strict_after then step(each, subject.level, 'strict', REFUSAL_MS, count) end
    local above = subject.offsets[subject.level + 1]
    if count >= strict_after and above then
      local me = string.sub(subject.shape, subject.level + 1, subject.level + 1)
      local entries, known = after(values[above + 3], now - REFUSAL_MS, 7)
      local others = {}
      for entry = 1, #entries, 7 do
        if string.sub(entries, entry + 6, entry + 6) ~= me then others[#others + 1] = string.sub(entries, entry, entry + 6) end
      end
      others[#others + 1] = put('>I6', now) .. me
      redis.call('SET', KEYS[above + 3], table.concat(others), 'PX', REFUSAL_MS)
      if known < SIBLINGS and #others >= SIBLINGS then step(each, subject.level + 1, 'widened', REFUSAL_MS, #others) end
    end
    if count >= block_after and subject.blocked <= now then
      local hold, times, strict_until = values[subject.chosen + 2], 0, 0
      if hold then
        local _, held_strictly, forgotten_at, blocks = get('>I6I6I6B', hold)
        strict_until = held_strictly
        if forgotten_at > now then times = blocks end
      end
      local ms = min(FIRST_BLOCK_MS * 2 ^ times, LONGEST_BLOCK_MS)
      times = min(times + 1, 255)
      local packed = put('>I6I6I6B', now + ms, strict_until, now + ms + BLOCK_MEMORY_MS, times)
      redis.call('SET', KEYS[subject.chosen + 2], packed, 'PX', ms + BLOCK_MEMORY_MS)
      step(each, subject.level, 'blocked', ms, times)
    end
  end
end
return answer
