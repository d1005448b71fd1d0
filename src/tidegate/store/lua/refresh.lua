-- refresh: apply Meta's status webhooks to the messages and the places they hold, and count what became of the sends.
-- uses: keys, time, message, places, shares, queue, paces, names, adds, figures, questions, outcomes
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a message is remembered once it was delivered or failed
-- ARGV[2]  ms for which a day's outcomes are kept
-- ARGV[3]  ranks by state as "state=rank ..."
-- ARGV[4]  beginnings of the names of a user's counts that a delivery begins anew, each followed by a space
-- ARGV[5]  how many kinds of status there are, then 4 a kind: status, cause, what it says of the place (counts: a
--          delivery; frees: proven undelivered; keeps), counters (as count_outcomes has them)
-- ARGV[+]  7 a status: portfolio, message id, kind (from 1), Meta's time (ms), the name of Meta's id, that with the id
--          sealed ('' = not given), what Meta bills for it (millionths, -1 unknown)
--
-- Returns now, then 8 values a status: 1 if the state changed, 1 if a place came free; where the state changed, or was
-- this one already, what it was before, about, recipient and the time of its admission (ms), else '' thrice and 0; of a
-- delivery that is told late all but what it was before; then of a delivery that is news 1 where one of the
-- user's counts is not empty, else 0, and what is known of the user, or ''. -1 for the first: no such message; -2: it
-- does not know Meta's id yet, and the status did not bring it: nothing was done.
-- Tallies of money ("spend:") follow the bill; what failed gives back what it took, and what was delivered after all
-- takes it again. A state never goes back, and a repeated status changes nothing. Of a message that was tried twice a
-- status speaks of one try: its place is held for the other one, until it ends by itself.
local now = now_ms(KEYS[1])
local DAY, HOUR, answer, ranks, heard, anew = 86400000, 3600000, { now }, {}, {}, {}
local HEX = setmetatable({}, { __index = function(known, byte)
  known[byte] = string.format('%02x', string.byte(byte))
  return known[byte]
end })
for state, rank in string.gmatch(ARGV[3], '(%l+)=(%d+)') do ranks[state] = tonumber(rank) end
for name in string.gmatch(ARGV[4], '%S+') do anew[#anew + 1] = name end

local function carry(k, flat)
  -- with: cells, scopes
  scopes_carry(k, flat, now, ARGV[2])
end

local function apply_to_place(k, id, record, recipient, at, says)
  local place_kind, window, admitted = record[3], tonumber(record[4] or 0), tonumber(record[5] or 0)
  -- Meta's time is cut to whole seconds: the delivery was within that second, not after now, nor before its send. A
  -- time ahead of ours is believed, but for no more than a day: nobody's clock may take a place for good.
  at = math.min(at, now + DAY)
  local delivered = math.max(admitted, math.min(math.max(at, now), at + 999))
  local late = place_kind == '0' and says == 'counts' and delivered >= window
  if place_kind ~= '1' and not late then return 0 end
  local tried_twice = record[12] and record[1] ~= 'queued'
  if tried_twice and says ~= 'counts' then return 0 end
  local function change(place)
    if says == 'counts' then
      if not tried_twice then place.holds[id] = nil end
      place.counted = math.max(place.counted, delivered + DAY)
    elseif says == 'frees' then
      place.holds[id] = nil
    elseif place.holds[id] then
      place.holds[id].ends = place.holds[id].expected
    end
  end
  local place = place_load(k, recipient)
  share_change(k, record[9], recipient, place, now, change)
  change(place)
  return place_save(k, place, now) < 0 and 1 or 0
end

-- What shows that a number's statuses come: that of a message which was sent later than others that wait for theirs.
local function hear(k, number, admitted)
  if not number or not admitted then return end
  heard[k] = heard[k] or {}
  heard[k][number] = math.max(heard[k][number] or 0, tonumber(admitted))
end

-- Under which name a user is counted, and what is known of them there.
local function user_of(k, recipient)
  local found = redis.call('HMGET', k.user .. recipient, 's', 'r')
  if not found[1] then return recipient, found[2] or '' end
  recipient = name_of(k, found[1])
  return recipient, redis.call('HGET', k.user .. recipient, 'r') or ''
end

-- Whether one of a user's counts is not empty.
local function has_counts(k, recipient)
  local hex = string.gsub(recipient, '.', HEX)
  for _, name in ipairs(anew) do
    if redis.call('EXISTS', k.count .. name .. hex) == 1 then return 1 end
  end
  return 0
end

local function refresh(k, id, status, at, cause, says, counters, name, wamid, billed)
  local key, rank = k.message .. id, ranks[status]
  local record = message_read(k, id, 'state', 'recipient', 'place', 'window', 'at', 'history', 'counted', 'lane',
    'about', 'tallies', 'number', 'doubt', 'wamid', 'outcomes', 'kpis')
  local state = record[1]
  if not state then return -1, 0, '', '', '', 0, 0, '' end
  -- The acceptance has written it down, and not long ago.
  local is_written = record[13] and string.match(record[13], '^[^|]*') == name
  if not is_written and wamid == '' then return -2, 0, '', '', '', 0, 0, '' end
  local admitted, rank_now, sets = tonumber(record[5] or 0), ranks[state] or 0, {}
  local recipient, user = user_of(k, record[2])
  hear(k, record[11], record[5])
  redis.call('ZREM', k.inflight, id)
  if not is_written or now - admitted > HOUR then redis.call('SET', k.wamid .. name, id, 'PX', ARGV[1]) end
  -- The place follows the first proof of delivery; a failure counts only while nothing was delivered.
  local freed, noted = 0, record[10] or ''
  if says == 'counts' and (not record[7] or record[12]) then
    sets = { 'counted', 1 }
    freed = apply_to_place(k, id, record, recipient, at, says)
    noted = tallies_retake(k, id, noted)
  elseif says ~= 'counts' and status == 'failed' and rank > rank_now then
    freed = apply_to_place(k, id, record, recipient, at, says)
    noted = tallies_release(k, id, noted, says ~= 'frees')
  end
  if billed >= 0 and status ~= 'failed' then tallies_bill(k, id, noted, billed) end
  local function set(...)
    for _, value in ipairs({ ... }) do sets[#sets + 1] = value end
  end
  local is_changed = rank > rank_now and state ~= status
  local is_told = is_changed or state == status or status == 'delivered'
  if is_told and record[5] then
    local _, known, figures = outcomes_note(k, admitted, record[14], record[15], outcomes_about(k, record[9] or ''),
      recipient, counters, at, status == 'delivered')
    if known ~= (record[14] or '') then set('outcomes', known) end
    if figures ~= (record[15] or '') then set('kpis', figures) end
  end
  if is_changed then
    if state == 'queued' then
      -- An attempt that was taken for unsent was sent after all: it must not be sent again.
      lane_drop(k, id, record[8])
      redis.call('ZREM', k.deadlines, id)
      queued_for(k, record[2], id, false)
      redis.call('HDEL', key, 'doubt')
    end
    if rank_now < ranks.accepted then
      set('reason', '')
      redis.call('HDEL', key, 'body')
    end
    if not is_written then set('wamid', wamid) end
    set('state', status, 'history', record[6] .. digits(now) .. ' ' .. status .. ' ' .. cause .. '\n')
  end
  if #sets > 0 then redis.call('HSET', key, unpack(sets)) end
  -- What was delivered has no more to say of its place.
  if is_changed and status ~= 'sent' then redis.call('PEXPIRE', key, ARGV[1]) end
  if not is_told then return 0, freed, '', '', '', 0, 0, '' end
  -- When it was delivered is news, though it was read by then.
  local before = (is_changed or state == status) and state or ''
  local counts = 0
  if says ~= 'counts' or before == '' or (is_changed and state == 'delivered') then user = ''
  else counts = has_counts(k, recipient) end
  return is_changed and 1 or 0, freed, before, record[9] or '', recipient, admitted, counts, user
end

local kinds, first = {}, 6 + 4 * tonumber(ARGV[5])
for i = 6, first - 1, 4 do kinds[#kinds + 1] = { ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3] } end
for i = first, #ARGV, 7 do
  local kind, last = kinds[tonumber(ARGV[i + 2])], #answer
  answer[last + 1], answer[last + 2], answer[last + 3], answer[last + 4], answer[last + 5], answer[last + 6],
    answer[last + 7], answer[last + 8] = refresh(keys_of(tonumber(ARGV[i])), ARGV[i + 1], kind[1],
    tonumber(ARGV[i + 3]), kind[2], kind[3], kind[4], ARGV[i + 4], ARGV[i + 5], tonumber(ARGV[i + 6]))
end
for k, numbers in pairs(heard) do
  for number, admitted in pairs(numbers) do
    if tonumber(redis.call('HGET', k.heard, number) or 0) < admitted then
      redis.call('HSET', k.heard, number, digits(admitted))
    end
  end
end
outcomes_write(carry)
return answer
