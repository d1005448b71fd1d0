-- refresh: apply Meta's status webhooks to the messages and the places they hold, and count what became of the sends.
-- uses: keys, time, places, names, adds, figures, questions, told, outcomes
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
-- with: texts, glance
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
  -- with: message, holders, shares, queue, paces
  places_later()

  -- The same of a record that has fields of its own as of one that is a string, and these; nil where there is none.
  local function read(key)
    local own = message_fields(key)
    if not own or not own.state then return nil end
    return { number = own.number, place = own.place, tallies = own.tallies or '', about = own.about or '' },
      { state = own.state, counted = own.counted, outcomes = own.outcomes or '', kpis = own.kpis or '' }, own
  end

  -- Writes fields of their own of a message, and a line of its history after that before, where a status tells one.
  local function write(k, id, history, line, fields)
    if line ~= '' then fields.history = history .. line end
    local flat = {}
    for field, value in pairs(fields) do flat[#flat + 1], flat[#flat + 2] = field, value end
    message_set(k, id, unpack(flat))
  end

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

  made = { read = read, write = write, spread = message_spread, apply = apply, later_write = later_write,
    lane_drop = lane_drop, queued_for = queued_for, tallies_retake = tallies_retake,
    tallies_release = tallies_release, tallies_bill = tallies_bill }
  return made
end

-- Meta's time is cut to whole seconds: what it tells of was within that second, and not after now. A time ahead of ours is
-- believed, but for no more than a day: nobody's clock may take a place for good.
local function within(at)
  at = math.min(at, now + DAY)
  return math.min(math.max(at, now), at + 999)
end

-- Answers 1 where a place came free. What it says was at `kind.within`, at the latest; it was not before the send.
local function apply_to_place(kind, id, text, sent, own, recipient, admitted)
  local k, says, place, at = kind.k, kind.says, sent.place, kind.within
  local delivered = at > admitted and at or admitted
  local is_late = place == '0' and says == 'counts'
    and delivered >= tonumber(own and (own.window or 0) or struct.unpack('<d', text, 25))
  if place ~= '1' and not is_late then return 0 end
  local tried_twice = own and own.doubt and own.state ~= 'queued'
  if tried_twice and says ~= 'counts' then return 0 end
  if says == 'counts' and not tried_twice and not find(sent.about, '"share":', 1, true)
    and place_proven(k, recipient, id, delivered + DAY) then return 0 end
  places_told()
  return seldom().apply(k, id, sent.about, recipient, delivered, says, tried_twice)
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

-- Whether something is counted of its user by a status, or follows for them: seldom of one that was sent and counted as
-- that before, or is read after its delivery.
local function needs_user(said, own, status)
  if said.kpis == '' then return true end
  if status == 'sent' then return false end
  return status ~= 'read' or said.state ~= 'delivered' or not said.counted or own and own.doubt
end

-- `text`: its record at `key`, where that is a string.
local function refresh(id, key, text, kind, wamid)
  local k, status, says = kind.k, kind.status, kind.says
  local sent, said, own, admitted, is_written, told
  if text then
    sent, said, admitted = glance_sent(kind.sent, text), glance_sending, struct.unpack('<d', text, 17)
    local taken = 33 + sent.size
    local named = find(text, '\n', taken + 1, true)
    if named then
      told = find(text, '\n', named + 1, true)
      said = told and glance_said(glance_told, text, told + 1) or glance_said(glance_taken, text, taken + 1)
      -- The acceptance has written it down, and not long ago.
      is_written = glance_named(text, named + 1, wamid)
    end
  else
    sent, said, own = seldom().read(key)
    if not own then return -1 end
    admitted, is_written = (own.at or 0) + 0, own.wamid and wamid_name(own.wamid) == wamid_name(wamid)
  end
  if not is_written and not find(wamid, '|', 1, true) then return -2 end
  local state, rank, number = said.state, kind.rank, sent.number
  local rank_now, is_news = said.rank, false
  if not rank_now then
    rank_now = ranks[state] or rank_of(state)
    said.rank = rank_now
  end
  -- Of one that has ended, or was taken, nothing is awaited.
  if rank_now < ACCEPTED then kind.known[#kind.known + 1] = id end
  -- What shows that a number's statuses come: that of a message which was sent later than others that wait for theirs.
  if number and admitted > (kind.heard[number] or 0) then kind.heard[number] = admitted end
  if not is_written or now - admitted > HOUR then redis.call('SET', wamid_key(k, wamid), id, 'PX', argv[1]) end
  local recipient, user, line, is_nobody = own and (own.recipient or '') or sub(text, 1, 16), '', '', false
  if needs_user(said, own, status) then
    is_nobody = is_unknown(k, recipient)
    if not is_nobody then recipient, user = user_of(k, recipient) end
  end
  -- The place follows the first proof of delivery; a failure counts only while nothing was delivered.
  local freed, counted, outcomes, kpis, noted = 0, said.counted, said.outcomes, said.kpis, sent.tallies
  if says == 'counts' then
    if not counted or own and own.doubt then
      counted, is_news = '1', true
      freed = apply_to_place(kind, id, text, sent, own, recipient, admitted)
      if find(noted, ' -', 1, true) then noted = seldom().tallies_retake(k, id, noted) end
    end
  elseif status == 'failed' and rank > rank_now then
    freed = apply_to_place(kind, id, text, sent, own, recipient, admitted)
    noted = seldom().tallies_release(k, id, noted, says ~= 'frees')
  end
  if kind.billed >= 0 and status ~= 'failed' and not kind.is_billed[noted] then
    if tallies_are(noted, digits(kind.billed) .. '\n') then kind.is_billed[noted] = true
    else noted = seldom().tallies_bill(k, id, noted, kind.billed) end
  end
  local is_changed = rank > rank_now and state ~= status
  local is_told, is_one = is_changed or state == status or status == 'delivered', true
  if is_told and (text or own.at) then
    local of = sent.of
    if not of then
      of = outcomes_about(k, sent.about)
      sent.of = of
    end
    local _, known, figures = outcomes_note(k, admitted, outcomes, kpis, of, recipient, kind.counters, kind.at,
      status == 'delivered')
    is_one = of.same.is_one
    if known ~= outcomes or figures ~= kpis then outcomes, kpis, is_news = known, figures, true end
  end
  local more = nil
  if is_changed then
    if state == 'queued' then
      -- An attempt that was taken for unsent was sent after all: it must not be sent again.
      seldom().lane_drop(k, id, own.lane)
      redis.call('ZREM', k.deadlines, id)
      seldom().queued_for(k, own.recipient, id, false)
      redis.call('HDEL', k.message .. id, 'doubt')
    end
    if rank_now < ACCEPTED then
      more = { reason = '' }
      if own and own.body then redis.call('HDEL', k.message .. id, 'body') end
    end
    if not is_written then
      more = more or {}
      more.wamid = wamid
    end
    is_news, line = true, kind.line
  end
  if is_news then
    -- What was delivered has no more to say of its place: it need not be known for longer.
    local becomes, is_over = is_changed and status or state, is_changed and status ~= 'sent'
    -- Packed, where nothing of it has a field of its own yet, nor needs one.
    if text and said ~= glance_sending and noted == sent.tallies and not more then
      text_put(is_over and argv[1] or 'KEEPTTL', key,
        glance_more(told and sub(text, 1, told - 1) or text, becomes, counted, outcomes, kpis,
          told and sub(text, told + 1 + said.size) or '', line))
    else
      more = more or {}
      more.state, more.counted, more.outcomes, more.kpis = becomes, counted, outcomes, kpis
      seldom().write(k, id, own and (own.history or '') or seldom().spread(text).history, line, more)
      if is_over then redis.call('PEXPIRE', key, argv[1]) end
    end
  end
  local code = is_changed and 1 or 0
  if not is_told then return freed == 0 and code or { code, freed, '', '', '', 0, '' } end
  -- When it was delivered is news, though it was read by then.
  local before_it = (is_changed or state == status) and state or ''
  local asks_user = says == 'counts' and before_it ~= '' and not (is_changed and state == 'delivered')
  if freed == 0 and kind.asks == '' and not is_one and (is_nobody or not asks_user) then return code end
  local telling = { code, freed, before_it, sent.about, recipient, 0, asks_user and user or '' }
  if asks_user then look_at_counts(k, recipient, telling) end
  return telling
end

local kinds, keys, delivered, has_deliveries, sent = {}, {}, {}, false, {}
for i = 7, first - 1, 8 do
  local k, status, at = keys_of(tonumber(argv[i])), argv[i + 1], tonumber(argv[i + 6])
  known_of[k], heard[k], sent[k] = known_of[k] or {}, heard[k] or {}, sent[k] or {}
  has_deliveries = has_deliveries or status == 'delivered'
  -- `sent`: what is known of what was sent; `is_billed`: tallies that are what it bills.
  kinds[(i + 1) / 8] = { k = k, message = k.message, known = known_of[k], heard = heard[k], sent = sent[k], status = status,
    rank = rank_of(status), line = digits(now) .. ' ' .. status .. ' ' .. argv[i + 2] .. '\n', says = argv[i + 3],
    counters = argv[i + 4], billed = tonumber(argv[i + 5]), at = at, within = within(at), asks = argv[i + 7],
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
      text = redis.call('MGET', key)[1]
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
