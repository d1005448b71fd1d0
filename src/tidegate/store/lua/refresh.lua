-- refresh: apply Meta's status webhooks to the messages and the places they hold, and count what became of the sends.
-- uses: keys, time, message, places, holders, shares, queue, paces, names, adds, figures, questions, told, outcomes
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a message is remembered once it was delivered or failed
-- ARGV[2]  ms for which a day's outcomes are kept
-- ARGV[3]  ranks by state as "state=rank ..."
-- ARGV[4]  beginnings of the names of a user's counts that a delivery begins anew, each followed by a space
-- ARGV[5]  which kind of status each one is, a byte each (the first kind is 1)
-- ARGV[6]  how many kinds of status there are, then 8 a kind: portfolio, status, cause, what it says of the place (counts:
--          a delivery; frees: proven undelivered; keeps), counters (as count_outcomes has them), what Meta bills for it
--          (millionths, -1 unknown), Meta's time (ms), 1 where all that is noted of its message is asked for, else ''
-- ARGV[+]  2 a status: message id, the name of Meta's id, or that with the id sealed: "<name>|<sealed>"
--
-- Returns now, then of each status 1 if the state changed, else 0; or -1: there is no such message; -2: it does not know
-- Meta's id yet, and the status did not bring it: nothing was done. Of one from which something may follow it is that and
-- 6 values more: 1 if a place came free; where the state changed, or was this one already, what it was before, about and
-- recipient, else '' thrice; of a delivery that is told late all but what it was before; then of a delivery that is news 1
-- where one of the user's counts is not empty, else 0, and what is known of the user, or ''. Nothing follows where all is
-- asked of none of its kind, no place came free, its message is none of a campaign and the like (`is_one`, _told.lua), and
-- of the user of a delivery nothing is known or counted.
-- Tallies of money ("spend:") follow the bill; what failed gives back what it took, and what was delivered after all
-- takes it again. A state never goes back, and a repeated status changes nothing. Of a message that was tried twice a
-- status speaks of one try: its place is held for the other one, until it ends by itself.
local first = 7 + 8 * ARGV[6]
local n = (#ARGV - first + 1) / 2
-- with: texts
local now = now_ms(KEYS[1])
local HOUR, answer, ranks, anew = 3600000, { now }, {}, {}
-- What is written once a call: of each portfolio what is awaited no more, and the latest send of each number.
-- Keys of messages that it has written.
local known_of, heard, written = {}, {}, {}
for state, rank in string.gmatch(ARGV[3], '(%l+)=(%d+)') do ranks[state] = tonumber(rank) end
for name in string.gmatch(ARGV[4], '%S+') do anew[#anew + 1] = name end

local function carry(k, flat)
  -- with: cells, scopes
  scopes_carry(k, flat, now, ARGV[2])
end

-- with: proofs

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
  if near_places[k] and near_places[k].is_nobody and near_places[k][recipient] then return recipient, '' end
  local found = redis.call('HMGET', k.user .. recipient, 's', 'r')
  if not found[1] then return recipient, found[2] or '' end
  recipient = name_of(k, found[1])
  return recipient, redis.call('HGET', k.user .. recipient, 'r') or ''
end

-- Whether something is counted of its user by a status, or follows for them: seldom of one that was sent and counted as
-- that before, or is read after its delivery.
local function needs_user(record, status)
  if (record.kpis or '') == '' then return true end
  if status == 'sent' then return false end
  return status ~= 'read' or record.state ~= 'delivered' or not record.counted or record.doubt
end

-- Of a user's counts, of which some may not be empty, and the answers in which that is told: most have none, so that all of
-- a call are asked for at once.
local count_keys, count_tellings = {}, {}
local function look_at_counts(k, recipient, telling)
  counts_of(k, recipient, count_keys)
  for i = #count_tellings + 1, #count_keys do count_tellings[i] = telling end
end

local function tell_counts()
  if not count_keys[1] or redis.call('EXISTS', unpack(count_keys)) == 0 then return end
  for i, key in ipairs(count_keys) do
    if redis.call('EXISTS', key) == 1 then count_tellings[i][6] = 1 end
  end
end

-- Writes what a status tells of a message: packed, where nothing of it has a field of its own yet, nor needs one. What was
-- delivered has no more to say of its place: it need not be known for longer (`is_over`). `more`: fields of their own.
local function write(k, id, record, text, before, since, state, counted, outcomes, kpis, line, more, is_over)
  local key = k.message .. id
  if before and not more then
    local told = message_told(before, state, counted, outcomes or '', kpis or '', since, line)
    text_put(is_over and ARGV[1] or 'KEEPTTL', key, told)
    near_messages[key], written[key] = told, true
    return
  end
  local fields = more or {}
  fields.state, fields.counted, fields.outcomes, fields.kpis = state, counted, outcomes, kpis
  if line ~= '' then fields.history = (record.history or message_spread(text).history) .. line end
  local flat = {}
  for field, value in pairs(fields) do flat[#flat + 1], flat[#flat + 2] = field, value end
  message_set(k, id, unpack(flat))
  if is_over then redis.call('PEXPIRE', key, ARGV[1]) end
end

local function recipient_of(record, text) return record.recipient or (text and sub(text, 1, 16)) or '' end

-- What is known of a message that is told of, where that is a string: of one after another.
local seen = {}

local function refresh(id, kind, wamid)
  local k, status, says, at, name = kind.k, kind.status, kind.says, kind.at, wamid_name(wamid)
  local key, record, before, since = k.message .. id, seen, nil, ''
  -- It is told of for the second time.
  if written[key] then texts_write() end
  local text = message_text(key)
  if text then
    local told, told_since = message_glance(seen, text, name)
    if told then before, since = sub(text, 1, told - 1), sub(text, told_since)
    elseif seen.state ~= 'sending' then before = text end
  else
    record = message_fields(key)
    if not record then return -1 end
    record.is_named = record.wamid and wamid_name(record.wamid) == name
  end
  local state, rank = record.state, ranks[status]
  -- The acceptance has written it down, and not long ago.
  local is_written = record.is_named
  if not is_written and name == wamid then return -2 end
  local admitted, rank_now, is_news = tonumber(record.at or 0), ranks[state] or 0, false
  local counted, outcomes, kpis, more = record.counted, record.outcomes, record.kpis, nil
  hear(k, id, record.number, admitted)
  if not is_written or now - admitted > HOUR then redis.call('SET', k.wamid .. name, id, 'PX', ARGV[1]) end
  local recipient, user, line = nil, '', ''
  if needs_user(record, status) then recipient, user = user_of(k, recipient_of(record, text)) end
  -- The place follows the first proof of delivery; a failure counts only while nothing was delivered.
  local freed, noted = 0, record.tallies or ''
  if says == 'counts' and (not counted or record.doubt) then
    counted, is_news = '1', true
    freed = apply_to_place(k, id, record, recipient, admitted, at, says)
    noted = tallies_retake(k, id, noted)
  elseif says ~= 'counts' and status == 'failed' and rank > rank_now then
    freed = apply_to_place(k, id, record, recipient, admitted, at, says)
    noted = tallies_release(k, id, noted, says ~= 'frees')
  end
  if kind.billed >= 0 and status ~= 'failed' and not kind.is_billed[noted] then
    local billed = tallies_bill(k, id, noted, kind.billed)
    if billed == noted then kind.is_billed[noted] = true end
    noted = billed
  end
  if noted ~= (record.tallies or '') then before = nil end
  local is_changed = rank > rank_now and state ~= status
  local is_told = is_changed or state == status or status == 'delivered'
  local about, is_one = record.about or '', true
  if is_told and record.at then
    local told = outcomes_about(k, about)
    local _, known, figures = outcomes_note(k, admitted, outcomes, kpis, told, recipient, kind.counters, at,
      status == 'delivered')
    is_one = told.same.is_one
    if known ~= (outcomes or '') then outcomes, is_news = known, true end
    if figures ~= (kpis or '') then kpis, is_news = figures, true end
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
      more = { reason = '' }
      if record.body then redis.call('HDEL', k.message .. id, 'body') end
    end
    if not is_written then
      more = more or {}
      more.wamid = wamid
    end
    is_news, line = true, kind.line
  end
  if is_news then
    write(k, id, record, text, before, since, is_changed and status or state, counted, outcomes, kpis, line, more,
      is_changed and status ~= 'sent')
  end
  local code = is_changed and 1 or 0
  -- When it was delivered is news, though it was read by then.
  local before_it = (is_changed or state == status) and state or ''
  local asks_user = says == 'counts' and before_it ~= '' and not (is_changed and state == 'delivered')
  local is_nobody = not asks_user or (near_places[k] and near_places[k].is_nobody and near_places[k][recipient])
  if freed == 0 and (not is_told or (kind.asks == '' and not is_one and is_nobody)) then return code end
  if not is_told then return { code, freed, '', '', '', 0, '' } end
  local telling = { code, freed, before_it, about, recipient or recipient_of(record, text), 0, asks_user and user or '' }
  if asks_user then look_at_counts(k, recipient, telling) end
  return telling
end

local kinds, keys, delivered = {}, {}, {}
for i = 7, first - 1, 8 do
  kinds[(i + 1) / 8] = { k = keys_of(tonumber(ARGV[i])), status = ARGV[i + 1], cause = ARGV[i + 2], says = ARGV[i + 3],
    counters = ARGV[i + 4], billed = tonumber(ARGV[i + 5]), at = tonumber(ARGV[i + 6]), asks = ARGV[i + 7], is_billed = {},
    line = digits(now) .. ' ' .. ARGV[i + 1] .. ' ' .. ARGV[i + 2] .. '\n' }
end
for i = 1, n do keys[i] = kinds[string.byte(ARGV[5], i)].k.message .. ARGV[first + 2 * i - 2] end
messages_near(keys)
for i = 1, n do
  local kind, text = kinds[string.byte(ARGV[5], i)], near_messages[keys[i]]
  if text and kind.status == 'delivered' then
    local recipients = delivered[kind.k] or {}
    delivered[kind.k] = recipients
    recipients[#recipients + 1] = sub(text, 1, 16)
  end
end
for k, recipients in pairs(delivered) do places_near(k, recipients) end
places_later()
local is_done, fault = pcall(function()
  for i = 1, n do
    local at = first + 2 * i - 2
    answer[i + 1] = refresh(ARGV[at], kinds[string.byte(ARGV[5], i)], ARGV[at + 1])
  end
end)
-- What is added up is written even where one of them can't be told: the others are not told again.
places_told()
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
