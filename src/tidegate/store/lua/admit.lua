-- admit: take everything that a send needs, or nothing; for all sends of the moment in one call.
-- uses: keys, time, message, places, shares, queue, paces, once
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms within which an outcome must be known
-- ARGV[2]  ms for which a message is remembered after it may be delivered
-- ARGV[3]  what sends have in common, a JSON list of: portfolio (0 = first block), attempt (text), epoch of the decision,
--          flags (1 dry run, 2 needs an open window, 4 counts; 8, 16: the pair's, the number's turns are counted but not
--          waited for), places (-1 no limit), hold ms, window margin ms, pair emission ms, pair tolerance ms, throughput
--          emission us, throughput tolerance us, time from which the decision does not hold (ms, 0 none), further turns
--          and tallies (their forms: _paces.lua), ms for which a claim is kept
-- ARGV[4+] 7 a send: which of these (0 is the first), message id, recipient (16 bytes), number, deadline (ms), about
--          (text), name of what it claims to be the only one of (_once.lua; '' nothing); where the first ends in '+', 4 more: version of the user's record that it rests on (else 0: there is
--          none), that record as it is to be once the send is taken ('' = as it is), when that may be forgotten (ms, 0
--          never), what a further try would need (sealed, '' none)
--
-- Returns now, then of a send that was taken as most are (no window, no further turns nor tallies, and no turn that it
-- did not wait for) 2 more than twice the places used, and 1 more where it was counted before; else 13 values: taken, epoch, gone (1 not this attempt's any more, 2 past its deadline, 3 the
-- user's record is another one, 4 the decision holds no longer, 5 what it claims is another's: look there), repeated, window end, counted, used, pair turn,
-- throughput turn (ms); version of the user's record, and that record where the version is another; the turns' times
-- and what the tallies stand at, separated by spaces. An epoch other than the one given: nothing was taken. A denied
-- send changes nothing. Run again with the same message and attempt it changes nothing and answers `repeated`. What all
-- sends of a call change is read once and written once.
local now = now_ms(KEYS[1])
local outcome_ms, remember_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local now_text, answer, books = digits(now), { now }, {}

-- What the sends of a portfolio have to know of it. Most are new messages to users of whom nothing is known, as one look
-- at all of them tells.
local function book_of(portfolio)
  local k = keys_of(portfolio)
  local found = redis.call('HMGET', k.ledger, 'epoch', 'used')
  local book = { k = k, epoch = tonumber(found[1] or 0), used = tonumber(found[2] or 0), tats = {}, turns = {},
    intents = {}, messages = {}, users = {}, pair_keys = {}, recipients = {}, taken = {}, told = {},
    anyone_waits = redis.call('EXISTS', k.queued_for) == 1 }
  books[portfolio] = book
  return book
end

local function look_ahead(book)
  local k = book.k
  book.all_new = redis.call('EXISTS', unpack(book.messages)) == 0
  book.all_unknown = redis.call('EXISTS', unpack(book.users)) == 0
  book.pairs = {}
  for i, pair in ipairs(redis.call('MGET', unpack(book.pair_keys))) do book.pairs[book.pair_keys[i]] = pair end
  places_near(k, book.recipients)
end

local function tat_of(book, number)
  local tat = book.tats[number]
  if not tat then
    tat = tonumber(redis.call('HGET', book.k.ledger, 'tat:' .. number) or 0)
    book.tats[number] = tat
  end
  return tat
end

local function books_write()
  places_write()
  for _, book in pairs(books) do
    local turns = {}
    for number in pairs(book.turns) do
      turns[#turns + 1] = 'tat:' .. number
      turns[#turns + 1] = string.format('%.3f', book.tats[number])
    end
    if #turns > 0 then redis.call('HSET', book.k.ledger, unpack(turns)) end
    if #book.intents > 0 then redis.call('ZADD', book.k.inflight, unpack(book.intents)) end
  end
end

local function admit(common, id, recipient, number, deadline, about, claim, user_version, user_record, user_expires, body)
  local portfolio, attempt, epoch, flags, places, hold_ms, margin_ms, pair_emission, pair_tolerance, emission_us,
    tolerance_us, valid_until, turns, tallies, claim_ms = unpack(common)
  local book = books[portfolio]
  local k = book.k
  local dry, needs_window, counts = flags % 2 == 1, flags % 4 >= 2, flags % 8 >= 4
  local pair_shadow, turn_shadow = flags % 16 >= 8, flags >= 16

  -- Is it still this attempt's to send?
  local record = {}
  if not book.all_new or book.taken[id] then
    record = message_read(k, id, 'state', 'attempt', 'history', 'lane', 'recipient')
  end
  local state = record[1]
  if state == 'sending' and record[2] == attempt and not dry then return { 1, epoch, 0, 1 } end
  if state and not dry and not (state == 'queued' and record[2] == attempt) then return { 0, epoch, 1 } end

  -- Is it the only one of its kind? Whoever knows the answer of another one is asked before all else.
  local claim_key = claim ~= '' and k.once .. claim
  local claimed = claim_key and book.pairs[claim_key]
  if claimed then
    local since, holder, _, answered = once_read(claimed)
    if now - since < claim_ms and (holder ~= id or answered) then return { 0, epoch, 5 } end
  end
  if now >= deadline then return { 0, epoch, 2 } end

  -- Is the decision still made under today's standing?
  if book.epoch ~= epoch then return { 0, book.epoch, 0, 0, 0, 0, book.used } end
  if valid_until > 0 and now >= valid_until then return { 0, epoch, 4 } end

  -- Does it rest on what is known of the user today?
  local version = 0
  if not book.all_unknown or book.told[recipient] then
    version = tonumber(redis.call('HGET', k.user .. recipient, 'v') or 0)
  end
  if version ~= user_version then
    return { 0, epoch, 3, 0, 0, 0, book.used, 0, 0, version, redis.call('HGET', k.user .. recipient, 'r') or '' }
  end

  -- The recipient's service window and the pair's next turn.
  local pair_key = k.pair .. number .. ':' .. recipient
  local window, pair_tat = 0, 0
  local pair = book.pairs[pair_key]
  if pair then
    local a, b = string.match(pair, '^(%d+) (%d+)$')
    window, pair_tat = tonumber(a), tonumber(b)
  end
  local open = window - margin_ms > now
  local pair_at = pair_tat - pair_tolerance

  -- The number's next turn.
  local tat = tat_of(book, number)
  local turn_at = math.ceil(tat - tolerance_us / 1000)

  -- A place, unless the recipient holds one; places whose end has come are freed first.
  local place, counted, used = nil, 0, book.used
  if counts and not open then
    if places >= 0 then used = sweep(k, now, used, places, 100000) end
    if dry then used = sweep(k, now, used, 0, 1000) end
    if not book.is_swept then used = sweep(k, now, used, 0, 1) end
    book.used, book.is_swept = used, true
    place = place_load(k, recipient)
    if place.ends > now then counted = 1 end
  end

  -- Further paces and allowances.
  local is_new = place ~= nil and counted == 0
  local times, come = turns_look(k, turns, now)
  local stands, costs, room = tallies_look(k, tallies, is_new, open, now)

  local seen = { 1, epoch, 0, 0, window, counted, used, pair_at, turn_at, version, '', times[1] and
    table.concat(times, ' ') or '', stands[1] and table.concat(stands, ' ') or '' }
  local denied = (needs_window and not open)
    or (place and counted == 0 and places >= 0 and used >= places)
    or ((pair_emission > 0 and pair_at > now) and not pair_shadow)
    or ((emission_us > 0 and turn_at > now) and not turn_shadow)
  denied = denied or not come or not room
  if denied or dry then
    seen[1] = denied and 0 or 1
    return seen
  end

  -- All is there: take it.
  if place then
    place.holds[id] = { expected = now + 86400000, ends = now + hold_ms }
    book.used = used + place_save(k, place, now)
    if counted == 0 and book.anyone_waits then wake_queued(k, recipient, now) end
    if share_app(about) then
      share_change(k, about, recipient, place, now, function(own) own.holds[id] = place.holds[id] end)
    end
  end
  if pair_emission > 0 then
    pair_tat = math.max(pair_tat, now) + pair_emission
    -- Where nobody waits for it, debt must not grow for ever.
    if pair_shadow then pair_tat = math.min(pair_tat, now + pair_tolerance + pair_emission) end
    pair = digits(window) .. ' ' .. digits(pair_tat)
    redis.call('SET', pair_key, pair, 'PX', digits(math.max(window, pair_tat) - now + 1000))
    book.pairs[pair_key] = pair
  end
  if emission_us > 0 then
    local turn = math.max(tat, now) + emission_us / 1000
    if turn_shadow then turn = math.min(turn, now + (tolerance_us + emission_us) / 1000) end
    book.tats[number], book.turns[number] = turn, true
  end

  if claim_key then
    claimed = once_text(now, id, '')
    redis.call('SET', claim_key, claimed, 'PX', digits(claim_ms))
    book.pairs[claim_key] = claimed
  end
  turns_take(k, turns, now)
  local taken = tallies_take(k, tallies, costs, now)
  if user_record ~= '' then
    book.told[recipient] = true
    redis.call('HSET', k.user .. recipient, 'v', digits(math.max(version + 1, now)), 'r', user_record)
    if user_expires > 0 then redis.call('PEXPIRE', k.user .. recipient, digits(math.max(1000, user_expires - now)))
    else redis.call('PERSIST', k.user .. recipient) end
  end

  -- The intent, before the first byte leaves.
  local kind = place and '1' or (counts and '0' or '')
  if state then
    redis.call('HSET', k.message .. id, 'state', 'sending', 'attempt', attempt, 'recipient', recipient, 'number', number,
      'place', kind, 'at', now_text, 'about', about, 'window', digits(window), 'tallies', taken,
      'history', (record[3] or '') .. now_text .. ' sending\n')
  else
    redis.call('HSET', k.message .. id, 'sent', message_sent(recipient, attempt, number, kind, now_text, digits(window),
      taken, about))
  end
  if body ~= '' then redis.call('HSET', k.message .. id, 'body', body, 'expires', deadline) end
  -- One that needed no place may still be delivered when its window has closed: it is known for as long.
  redis.call('PEXPIRE', k.message .. id, digits((counts and hold_ms or 0) + remember_ms))
  book.taken[id] = true
  book.intents[#book.intents + 1] = digits(now + outcome_ms)
  book.intents[#book.intents + 1] = id
  if window == 0 and not times[1] and not stands[1] and pair_at <= now and turn_at <= now then
    seen = { 2 + 2 * used + counted }
  end
  if state == 'queued' then
    lane_drop(k, id, record[4])
    redis.call('ZREM', k.deadlines, id)
    queued_for(k, record[5] or recipient, id, false)
  end
  return seen
end

local UNSEEN = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '', '' }

local sends, common = {}, cjson.decode(ARGV[3])
local i = 4
while i <= #ARGV do
  local has_more = string.sub(ARGV[i], -1) == '+'
  local which = tonumber(has_more and string.sub(ARGV[i], 1, -2) or ARGV[i]) + 1
  local id, recipient, number = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local book = books[common[which][1]] or book_of(common[which][1])
  local n = #book.messages + 1
  book.messages[n], book.users[n], book.recipients[n] = book.k.message .. id, book.k.user .. recipient, recipient
  local pair_keys, claim = book.pair_keys, ARGV[i + 6]
  pair_keys[#pair_keys + 1] = book.k.pair .. number .. ':' .. recipient
  if claim ~= '' then pair_keys[#pair_keys + 1] = book.k.once .. claim end
  if has_more then
    sends[#sends + 1] = { common[which], id, recipient, number, tonumber(ARGV[i + 4]), ARGV[i + 5], claim,
      tonumber(ARGV[i + 7]), ARGV[i + 8], tonumber(ARGV[i + 9]), ARGV[i + 10] }
  else
    sends[#sends + 1] = { common[which], id, recipient, number, tonumber(ARGV[i + 4]), ARGV[i + 5], claim, 0, '', 0, '' }
  end
  i = i + (has_more and 11 or 7)
end
for _, book in pairs(books) do look_ahead(book) end

-- What was taken is in the books, whatever breaks on the way.
places_later()
local done, fault = pcall(function()
  for _, send in ipairs(sends) do
    local facts = admit(unpack(send))
    local last = #answer
    for j = 1, facts[1] > 1 and 1 or #UNSEEN do answer[last + j] = facts[j] or UNSEEN[j] end
  end
end)
books_write()
if not done then error(fault, 0) end
return answer
