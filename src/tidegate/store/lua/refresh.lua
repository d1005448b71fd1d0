-- refresh: apply Meta's status webhooks to the messages and the places they hold, and count what became of the sends.
-- uses: keys, time, message, places, names, adds, figures, questions, told, outcomes
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
local argv = ARGV
local first = 7 + 8 * argv[6]
local n = (#argv - first + 1) / 2
-- with: texts
local now = now_ms(KEYS[1])
local DAY, HOUR, answer, anew = 86400000, 3600000, { now }, {}
-- What is written once a call: of each portfolio what is awaited no more, and the latest send of each number.
local known_of, heard = {}, {}
for name in string.gmatch(argv[4], '%S+') do anew[#anew + 1] = name end

-- The ranks of states, looked up where they are met: those of a call are few.
local ranks = {}
local function rank_of(state)
  local rank = tonumber(string.match(' ' .. argv[3], ' ' .. state .. '=(%d+)') or 0)
  ranks[state] = rank
  return rank
end
local ACCEPTED = rank_of('accepted')

local function carry(k, flat)
  -- with: cells, scopes
  scopes_carry(k, flat, now, argv[2])
end

-- with: proofs

-- What few calls need: made when the first does.
local made = nil
local function seldom()
  if made then return made end
  -- with: holders, shares, queue, paces
  places_later()

  local function apply(k, id, about, recipient, delivered, says, tried_twice)
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
    share_change(k, about, recipient, place, now, change)
    change(place)
    return place_save(k, place, now) < 0 and 1 or 0
  end

  made = { apply = apply, later_write = later_write, lane_drop = lane_drop, queued_for = queued_for,
    tallies_retake = tallies_retake, tallies_release = tallies_release, tallies_bill = tallies_bill }
  return made
end

-- Meta's time is cut to whole seconds: what it tells of was within that second, and not after now. A time ahead of ours is
-- believed, but for no more than a day: nobody's clock may take a place for good.
local function within(at)
  at = math.min(at, now + DAY)
  return math.min(math.max(at, now), at + 999)
end

-- `at`: when what it says was, at the latest; it was not before the send. Answers 1 where a place came free.
local function apply_to_place(k, id, record, recipient, admitted, at, says)
  local place_kind, delivered = record.place, at > admitted and at or admitted
  local late = place_kind == '0' and says == 'counts' and delivered >= tonumber(record.window or 0)
  if place_kind ~= '1' and not late then return 0 end
  local tried_twice = record.doubt and record.state ~= 'queued'
  if tried_twice and says ~= 'counts' then return 0 end
  if says == 'counts' and not tried_twice and not find(record.about or '', '"share":', 1, true)
    and place_proven(k, recipient, id, delivered + DAY) then return 0 end
  places_told()
  return seldom().apply(k, id, record.about, recipient, delivered, says, tried_twice)
end

-- Whether every sum of money in it is this one.
local function tallies_are(noted, text)
  local at = find(noted, 'spend:', 1, true)
  while at do
    local ends = find(noted, ' ', at, true)
    if sub(noted, ends + 1, ends + #text) ~= text then return false end
    at = find(noted, 'spend:', ends, true)
  end
  return true
end

-- Under which name a user is counted, and what is known of them there.
local function user_of(k, recipient)
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

-- Writes fields of their own of a message, and a line of its history after that before, where a status tells one.
local function write_fields(k, id, history, line, fields)
  if line ~= '' then fields.history = history .. line end
  local flat = {}
  for field, value in pairs(fields) do flat[#flat + 1], flat[#flat + 2] = field, value end
  message_set(k, id, unpack(flat))
end

-- What is known of a message that is told of, where that is a string: of one after another.
local seen = {}

-- `text`: its record at `key`, where that is a string.
local function refresh(id, key, text, kind, wamid)
  local k, status, says, at = kind.k, kind.status, kind.says, kind.at
  local name, record, before, since = find(wamid, '|', 1, true) and wamid_name(wamid) or wamid, seen, nil, ''
  if text then
    local begins, ends, told, told_since = message_glance(seen, text, name)
    seen.about = sub(text, begins, ends)
    if told then before, since = sub(text, 1, told - 1), sub(text, told_since)
    elseif seen.state ~= 'sending' then before = text end
  else
    record = message_fields(key)
    if not record then return -1 end
    record.is_named = record.wamid and wamid_name(record.wamid) == name
  end
  local state, rank, number = record.state, kind.rank, record.number
  -- The acceptance has written it down, and not long ago.
  local is_written = record.is_named
  if not is_written and name == wamid then return -2 end
  local admitted, rank_now, is_news = (record.at or 0) + 0, ranks[state] or rank_of(state), false
  local counted, outcomes, kpis, more = record.counted, record.outcomes, record.kpis, nil
  -- Of one that has ended, or was taken, nothing is awaited.
  if rank_now < ACCEPTED then kind.known[#kind.known + 1] = id end
  -- What shows that a number's statuses come: that of a message which was sent later than others that wait for theirs.
  if number and admitted > (kind.heard[number] or 0) then kind.heard[number] = admitted end
  if not is_written or now - admitted > HOUR then redis.call('SET', k.wamid .. name, id, 'PX', argv[1]) end
  local recipient, user, line, is_nobody = record.recipient or (text and sub(text, 1, 16)) or '', '', '', false
  if needs_user(record, status) then
    is_nobody = is_unknown(k, recipient)
    if not is_nobody then recipient, user = user_of(k, recipient) end
  end
  -- The place follows the first proof of delivery; a failure counts only while nothing was delivered.
  local freed, tallies, about = 0, record.tallies or '', record.about or ''
  local noted = tallies
  if says == 'counts' then
    if not counted or record.doubt then
      counted, is_news = '1', true
      freed = apply_to_place(k, id, record, recipient, admitted, kind.within, says)
      if find(noted, ' -', 1, true) then noted = seldom().tallies_retake(k, id, noted) end
    end
  elseif status == 'failed' and rank > rank_now then
    freed = apply_to_place(k, id, record, recipient, admitted, kind.within, says)
    noted = seldom().tallies_release(k, id, noted, says ~= 'frees')
  end
  if kind.billed >= 0 and status ~= 'failed' and not kind.is_billed[noted] then
    if tallies_are(noted, digits(kind.billed) .. '\n') then kind.is_billed[noted] = true
    else noted = seldom().tallies_bill(k, id, noted, kind.billed) end
  end
  if noted ~= tallies then before = nil end
  local is_changed = rank > rank_now and state ~= status
  local is_told, is_one = is_changed or state == status or status == 'delivered', true
  if is_told and record.at then
    local told = kind.noted[about]
    if not told then
      told = outcomes_about(k, about)
      kind.noted[about] = told
    end
    local _, known, figures = outcomes_note(k, admitted, outcomes, kpis, told, recipient, kind.counters, at,
      status == 'delivered')
    is_one = told.same.is_one
    if known ~= (outcomes or '') then outcomes, is_news = known, true end
    if figures ~= (kpis or '') then kpis, is_news = figures, true end
  end
  if is_changed then
    if state == 'queued' then
      -- An attempt that was taken for unsent was sent after all: it must not be sent again.
      seldom().lane_drop(k, id, record.lane)
      redis.call('ZREM', k.deadlines, id)
      seldom().queued_for(k, record.recipient, id, false)
      redis.call('HDEL', k.message .. id, 'doubt')
    end
    if rank_now < ACCEPTED then
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
    -- What was delivered has no more to say of its place: it need not be known for longer.
    local told, is_over = is_changed and status or state, is_changed and status ~= 'sent'
    -- Packed, where nothing of it has a field of its own yet, nor needs one.
    if before and not more then
      text_put(is_over and argv[1] or 'KEEPTTL', key,
        message_told(before, told, counted, outcomes or '', kpis or '', since, line))
    else
      more = more or {}
      more.state, more.counted, more.outcomes, more.kpis = told, counted, outcomes, kpis
      write_fields(k, id, record.history or message_spread(text).history, line, more)
      if is_over then redis.call('PEXPIRE', key, argv[1]) end
    end
  end
  local code = is_changed and 1 or 0
  if not is_told then return freed == 0 and code or { code, freed, '', '', '', 0, '' } end
  -- When it was delivered is news, though it was read by then.
  local before_it = (is_changed or state == status) and state or ''
  local asks_user = says == 'counts' and before_it ~= '' and not (is_changed and state == 'delivered')
  if freed == 0 and kind.asks == '' and not is_one and (is_nobody or not asks_user) then return code end
  local telling = { code, freed, before_it, about, recipient, 0, asks_user and user or '' }
  if asks_user then look_at_counts(k, recipient, telling) end
  return telling
end

local kinds, keys, delivered, has_deliveries = {}, {}, {}, false
for i = 7, first - 1, 8 do
  local k, status, at = keys_of(tonumber(argv[i])), argv[i + 1], tonumber(argv[i + 6])
  known_of[k], heard[k], has_deliveries = known_of[k] or {}, heard[k] or {}, has_deliveries or status == 'delivered'
  -- `noted`: what was noted of its messages, read; `is_billed`: tallies that are what it bills.
  kinds[(i + 1) / 8] = { k = k, message = k.message, known = known_of[k], heard = heard[k], status = status,
    rank = rank_of(status), line = digits(now) .. ' ' .. status .. ' ' .. argv[i + 2] .. '\n', says = argv[i + 3],
    counters = argv[i + 4], billed = tonumber(argv[i + 5]), at = at, within = within(at), asks = argv[i + 7], noted = {},
    is_billed = {} }
end
local kind_of = { byte(argv[5], 1, n) }
for i = 1, n do
  local kind = kinds[kind_of[i]]
  kind_of[i], keys[i] = kind, kind.message .. argv[first + 2 * i - 2]
end
local records, is_read = n > 0 and redis.call('MGET', unpack(keys)), {}
if has_deliveries then
  for i = 1, n do
    local kind, text = kind_of[i], records[i]
    if text and kind.status == 'delivered' then
      local recipients = delivered[kind.k] or {}
      delivered[kind.k] = recipients
      recipients[#recipients + 1] = sub(text, 1, 16)
    end
  end
  for k, recipients in pairs(delivered) do places_near(k, recipients) end
end
local is_done, fault = pcall(function()
  for i = 1, n do
    local at, key, text = first + 2 * i - 2, keys[i], records[i]
    if is_read[key] then
      -- It is told of for the second time.
      texts_write()
      text = message_text(key)
    end
    is_read[key], answer[i + 1] = true, refresh(argv[at], key, text, kind_of[i], argv[at + 1])
  end
end)
-- What is added up is written even where one of them can't be told: the others are not told again.
places_told()
if made then made.later_write() end
tell_counts()
for k, ids in pairs(known_of) do
  if ids[1] then redis.call('ZREM', k.inflight, unpack(ids)) end
end
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
