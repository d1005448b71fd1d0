-- refresh: apply Meta's status webhooks to the messages and the places they hold, and count what became of the sends.
-- uses: keys, time, message, places, holders, shares, queue, paces, names, adds, figures, questions, told, outcomes
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a message is remembered once it was delivered or failed
-- ARGV[2]  ms for which a day's outcomes are kept
-- ARGV[3]  ranks by state as "state=rank ..."
-- ARGV[4]  beginnings of the names of a user's counts that a delivery begins anew, each followed by a space
-- ARGV[5]  how many kinds of status there are, then 7 a kind: portfolio, status, cause, what it says of the place (counts: a
--          delivery; frees: proven undelivered; keeps), counters (as count_outcomes has them), what Meta bills for it
--          (millionths, -1 unknown), Meta's time (ms)
-- ARGV[+]  3 a status: message id, kind (from 1), the name of Meta's id, or that with the id sealed: "<name>|<sealed>"
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
local DAY, HOUR, answer, ranks, anew = 86400000, 3600000, { now }, {}, {}
-- What is written once a call: of each portfolio what is awaited no more, and the latest send of each number.
local known_of, heard = {}, {}
for state, rank in string.gmatch(ARGV[3], '(%l+)=(%d+)') do ranks[state] = tonumber(rank) end
for name in string.gmatch(ARGV[4], '%S+') do anew[#anew + 1] = name end

local function carry(k, flat)
  -- with: cells, scopes
  scopes_carry(k, flat, now, ARGV[2])
end

-- What a call asks of the users and places of its deliveries at once, by portfolio and recipient. `is_nobody`: nothing is
-- known of the user.
local near_places = {}
local function places_near(k, recipients)
  local near, users, keys, slots = near_places[k] or {}, {}, {}, {}
  near_places[k] = near
  for i = 1, #recipients do
    local recipient = recipients[i]
    local bucket, member = bucket_of(recipient), member_of(recipient)
    local slot = bucket .. ':' .. member
    near[recipient] = { bucket = bucket, member = member, slot = slot, text = '', held = false, is_nobody = false }
    users[i], keys[i], slots[i] = k.user .. recipient, k.places .. bucket, slot
  end
  local is_nobody = redis.call('EXISTS', unpack(users)) == 0
  local texts, holds = redis.call('MGET', unpack(keys)), redis.call('HMGET', k.holds, unpack(slots))
  for i = 1, #recipients do
    local seen = near[recipients[i]]
    seen.text, seen.held, seen.is_nobody = texts[i] or '', holds[i], is_nobody
  end
end

-- A place that is counted until then, and that no message holds but the one which is proven delivered: what `place_save`
-- comes to for that, in fewer steps, for most deliveries are such. False, and nothing is done, where it is another.
local function place_proven(k, recipient, id, counted)
  local seen = near_places[k] and near_places[k][recipient]
  if not seen then return false end
  local bucket, text, held = seen.bucket, seen.text, seen.held
  local at = held and entry_at(text, seen.member)
  if not at or rewritten[k.places .. bucket] or (sums_of(k).holds or {})[seen.slot] ~= nil then return false end
  local before, holder, expected = string.match(held, '^(%d+);([^;,]+),(%d+),%d+$')
  if holder ~= id then return false end
  before, expected = before + 0, expected + 0
  if before > expected then expected = before end
  if before > counted then counted = before end
  if counted <= now then return false end
  if counted ~= stamped(text, at + NAME) then place_write(k, bucket, seen.member, text, counted, at) end
  holds_drop(k, seen.slot)
  if math.ceil(counted / 1000) ~= math.ceil(expected / 1000) then
    expect(k, expected, -1)
    expect(k, counted, 1)
  end
  return true
end

local function apply_to_place(k, id, record, recipient, admitted, at, says)
  local place_kind = record.place
  -- Meta's time is cut to whole seconds: the delivery was within that second, not after now, nor before its send. A
  -- time ahead of ours is believed, but for no more than a day: nobody's clock may take a place for good.
  at = math.min(at, now + DAY)
  local delivered = math.max(admitted, math.min(math.max(at, now), at + 999))
  local late = place_kind == '0' and says == 'counts' and delivered >= tonumber(record.window or 0)
  if place_kind ~= '1' and not late then return 0 end
  local tried_twice = record.doubt and record.state ~= 'queued'
  if tried_twice and says ~= 'counts' then return 0 end
  if says == 'counts' and not tried_twice and not share_app(record.about)
    and place_proven(k, recipient, id, delivered + DAY) then return 0 end
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
  share_change(k, record.about, recipient, place, now, change)
  change(place)
  return place_save(k, place, now) < 0 and 1 or 0
end

-- What shows that a number's statuses come: that of a message which was sent later than others that wait for theirs.
local function hear(k, id, number, admitted)
  local ids = known_of[k]
  if not ids then
    ids, heard[k] = {}, {}
    known_of[k] = ids
  end
  ids[#ids + 1] = id
  if number and (heard[k][number] or 0) < admitted then heard[k][number] = admitted end
end

-- Under which name a user is counted, and what is known of them there.
local function user_of(k, recipient)
  local seen = near_places[k] and near_places[k][recipient]
  if seen and seen.is_nobody then return recipient, '' end
  local found = redis.call('HMGET', k.user .. recipient, 's', 'r')
  if not found[1] then return recipient, found[2] or '' end
  recipient = name_of(k, found[1])
  return recipient, redis.call('HGET', k.user .. recipient, 'r') or ''
end

-- Whether something is counted of its user by a status, or follows for them: seldom of one that was sent and counted as
-- that before, or is read after its delivery.
local function needs_user(record, status)
  if status == 'sent' then return not record.kpis end
  return status ~= 'read' or record.state ~= 'delivered' or not record.counted or record.doubt
end

-- The keys of a user's counts, of which some may not be empty, and where in the answer that is told: most have none, so
-- that all of a call are asked for at once.
local count_keys, count_places = {}, {}
local HEX = setmetatable({}, { __index = function(known, byte)
  local two = string.format('%02x', byte)
  known[byte] = two
  return two
end })
local function hex_of(recipient)
  local a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p = string.byte(recipient, 1, 16)
  return HEX[a] .. HEX[b] .. HEX[c] .. HEX[d] .. HEX[e] .. HEX[f] .. HEX[g] .. HEX[h] .. HEX[i] .. HEX[j] .. HEX[k]
    .. HEX[l] .. HEX[m] .. HEX[n] .. HEX[o] .. HEX[p]
end
local function look_at_counts(k, recipient, place)
  -- Whose it was nobody knows, of a message that was proven unsent before it was begun.
  if recipient == '' then return end
  local hex = anew[1] and hex_of(recipient)
  for i = 1, #anew do
    local last = #count_keys + 1
    count_keys[last], count_places[last] = k.count .. anew[i] .. hex, place
  end
end

local function tell_counts()
  if not count_keys[1] or redis.call('EXISTS', unpack(count_keys)) == 0 then return end
  for i, key in ipairs(count_keys) do
    if redis.call('EXISTS', key) == 1 then answer[count_places[i]] = 1 end
  end
end

-- Writes what a status tells of a message: packed, where nothing of it has a field of its own yet, nor needs one. What was
-- delivered has no more to say of its place: it need not be known for longer (`is_over`).
local function write(k, id, record, text, before, since, sets, is_over)
  if before and not sets.wamid then
    local told = message_told(sets.state, sets.counted, sets.outcomes or '', sets.kpis or '', since .. (sets.line or ''))
    if is_over then redis.call('PSETEX', k.message .. id, ARGV[1], before .. told)
    elseif before == text then redis.call('APPEND', k.message .. id, told)
    else redis.call('SET', k.message .. id, before .. told, 'KEEPTTL') end
    return
  end
  if sets.line then sets.history, sets.line = record.history .. sets.line, nil end
  local fields = {}
  for field, value in pairs(sets) do fields[#fields + 1], fields[#fields + 2] = field, value end
  message_set(k, id, unpack(fields))
  if is_over then redis.call('PEXPIRE', k.message .. id, ARGV[1]) end
end

local function refresh(id, kind, wamid)
  local k, status, says, at, name = kind.k, kind.status, kind.says, kind.at, wamid_name(wamid)
  local record, text, before, since = message_of(k, id)
  if not record then return -1, 0, '', '', '', 0, 0, '' end
  local state, rank = record.state, ranks[status]
  -- The acceptance has written it down, and not long ago.
  local is_written = record.wamid and wamid_name(record.wamid) == name
  if not is_written and name == wamid then return -2, 0, '', '', '', 0, 0, '' end
  local admitted, rank_now, is_news = tonumber(record.at or 0), ranks[state] or 0, false
  local sets = { state = state, counted = record.counted, outcomes = record.outcomes, kpis = record.kpis }
  hear(k, id, record.number, admitted)
  if not is_written or now - admitted > HOUR then redis.call('SET', k.wamid .. name, id, 'PX', ARGV[1]) end
  local recipient, user = record.recipient, ''
  if needs_user(record, status) then recipient, user = user_of(k, recipient) end
  -- The place follows the first proof of delivery; a failure counts only while nothing was delivered.
  local freed, noted = 0, record.tallies or ''
  if says == 'counts' and (not record.counted or record.doubt) then
    sets.counted, is_news = '1', true
    freed = apply_to_place(k, id, record, recipient, admitted, at, says)
    noted = tallies_retake(k, id, noted)
  elseif says ~= 'counts' and status == 'failed' and rank > rank_now then
    freed = apply_to_place(k, id, record, recipient, admitted, at, says)
    noted = tallies_release(k, id, noted, says ~= 'frees')
  end
  if kind.billed >= 0 and status ~= 'failed' then noted = tallies_bill(k, id, noted, kind.billed) end
  if noted ~= (record.tallies or '') then before = nil end
  local is_changed = rank > rank_now and state ~= status
  local is_told = is_changed or state == status or status == 'delivered'
  if is_told and record.at then
    local _, known, figures = outcomes_note(k, admitted, record.outcomes, record.kpis,
      outcomes_about(k, record.about or ''), recipient, kind.counters, at, status == 'delivered')
    if known ~= (record.outcomes or '') then sets.outcomes, is_news = known, true end
    if figures ~= (record.kpis or '') then sets.kpis, is_news = figures, true end
  end
  if is_changed then
    if state == 'queued' then
      -- An attempt that was taken for unsent was sent after all: it must not be sent again.
      lane_drop(k, id, record.lane)
      redis.call('ZREM', k.deadlines, id)
      queued_for(k, record.recipient, id, false)
      redis.call('HDEL', k.message .. id, 'doubt')
    end
    if rank_now < ranks.accepted then
      sets.reason = ''
      if record.body then redis.call('HDEL', k.message .. id, 'body') end
    end
    if not is_written then sets.wamid = wamid end
    is_news, sets.state, sets.line = true, status, digits(now) .. ' ' .. status .. ' ' .. kind.cause .. '\n'
  end
  if is_news then write(k, id, record, text, before, since, sets, is_changed and status ~= 'sent') end
  if not is_told then return 0, freed, '', '', '', 0, 0, '' end
  -- When it was delivered is news, though it was read by then.
  local before = (is_changed or state == status) and state or ''
  if says ~= 'counts' or before == '' or (is_changed and state == 'delivered') then user = ''
  else look_at_counts(k, recipient, #answer + 7) end
  return is_changed and 1 or 0, freed, before, record.about or '', recipient, admitted, 0, user
end

local kinds, keys, delivered, first = {}, {}, {}, 6 + 7 * ARGV[5]
for i = 6, first - 1, 7 do
  -- By their number as it is written.
  kinds[string.format('%d', (i + 1) / 7)] = { k = keys_of(tonumber(ARGV[i])), status = ARGV[i + 1], cause = ARGV[i + 2],
    says = ARGV[i + 3], counters = ARGV[i + 4], billed = tonumber(ARGV[i + 5]), at = tonumber(ARGV[i + 6]) }
end
for i = first, #ARGV, 3 do keys[#keys + 1] = kinds[ARGV[i + 1]].k.message .. ARGV[i] end
messages_near(keys)
for i, key in ipairs(keys) do
  local kind, text = kinds[ARGV[first + 3 * i - 2]], near_messages[key]
  if text and kind.status == 'delivered' then
    local recipients = delivered[kind.k] or {}
    delivered[kind.k] = recipients
    recipients[#recipients + 1] = string.sub(text, 1, 16)
  end
end
for k, recipients in pairs(delivered) do places_near(k, recipients) end
places_later()
local is_done, fault = pcall(function()
  for i = first, #ARGV, 3 do
    local last = #answer
    answer[last + 1], answer[last + 2], answer[last + 3], answer[last + 4], answer[last + 5], answer[last + 6],
      answer[last + 7], answer[last + 8] = refresh(ARGV[i], kinds[ARGV[i + 1]], ARGV[i + 2])
  end
end)
-- What is added up is written even where one of them can't be told: the others are not told again.
later_write()
tell_counts()
for k, ids in pairs(known_of) do redis.call('ZREM', k.inflight, unpack(ids)) end
for k, numbers in pairs(heard) do
  local names, latest, news = {}, {}, {}
  for number in pairs(numbers) do names[#names + 1] = number end
  if names[1] then latest = redis.call('HMGET', k.heard, unpack(names)) end
  for i, number in ipairs(names) do
    local admitted = numbers[number]
    if tonumber(latest[i] or 0) < admitted then news[#news + 1], news[#news + 2] = number, digits(admitted) end
  end
  if news[1] then redis.call('HSET', k.heard, unpack(news)) end
end
outcomes_write(carry)
if not is_done then error(fault, 0) end
return answer
