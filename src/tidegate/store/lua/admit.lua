-- admit: take everything that a send needs, or nothing; for all sends of the moment in one call.
-- uses: keys, time, places, allowances
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  how many kinds of sends there are: those of one have all of this in common
-- ARGV[2+] a text a kind, of lines. First its numbers: portfolio (0 = first block), attempt, epoch of the decision, flags
--          (1 dry run, 2 needs an open window, 4 counts; 8, 16: the pair's, the number's turns are counted but not waited
--          for), places (-1 no limit), hold ms, ms within which an outcome must be known, ms for which a message is
--          remembered, window margin ms, pair emission ms, pair tolerance ms, throughput emission us, throughput
--          tolerance us, time from which the decision does not hold (ms, 0 none), ms for which a claim is kept. Then
--          further turns (a JSON list, or nothing: _paces.lua); then a line a tally (_allowances.lua)
-- ARGV     then 7 a send: which of these (0 is the first), message id, recipient (16 bytes), number, deadline (ms), about
--          (text), name of what it claims to be the only one of (_once.lua; '' nothing); where the first ends in '+', 4
--          more: version of the user's record that it rests on (else 0: there is none), that record as it is to be once
--          the send is taken ('' = as it is), when that may be forgotten (ms, 0 never), what a further try would need
--          (sealed, '' none)
--
-- Returns now, then of a send that was taken as most are (no further turns, and no turn that it did not wait for) 2 more
-- than twice the places used, and 1 more where it was counted before; less than 0 where a window is known, whose end
-- follows; then what each tally stood at. Else 13 values: taken, epoch, gone (1 not this attempt's any more, 2 past its
-- deadline, 3 the user's record is another one, 4 the decision holds no longer, 5 what it claims is another's: look
-- there), repeated, window end, counted, used, pair turn, throughput turn (ms); version of the user's record, and that
-- record where the version is another; the turns' times and what the tallies stand at, separated by spaces. An epoch
-- other than the one given: nothing was taken. A denied send changes nothing. Run again with the same message and
-- attempt it changes nothing and answers `repeated`. What all sends of a call change is read once and written once.
local KIND = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)\n([^\n]*)\n(.*)$'
local NONE, argv, last = {}, ARGV, #ARGV

-- What few sends need is made only where one does: each call makes all of its functions anew.
local made
local function seldom()
  if made then return made end
  -- with: message, holders, shares, queue, paces, once
  made = { message_read = message_read, place_load = place_load, place_save = place_save, sweep = sweep,
    share_used = share_used, share_change = share_change, queued_for = queued_for, lane_drop = lane_drop,
    wake_queued = wake_queued, turns_look = turns_look, turns_take = turns_take, once_read = once_read }
  return made
end

local kinds, books = {}, {}
-- What was written in this call: of keys, so that what was read of them before holds no longer.
local texts = rewritten
-- What is asked of all sends in one call each: for strings, of which the first is the clock, and whether anything is
-- known of a message or its user: most are new messages to users of whom nothing is known.
local looks, unmet = { KEYS[1] }, {}

local function kind_of(text)
  local portfolio, attempt, epoch, flags, places, hold_ms, outcome_ms, remember_ms, margin_ms, pair_emission,
    pair_tolerance, emission_us, tolerance_us, valid_until, claim_ms, turns, tallies = string.match(text, KIND)
  local book = books[portfolio]
  if not book then
    book = { k = keys_of(tonumber(portfolio)), fields = { 'epoch', 'used' }, tats = {}, turns = {}, intents = {} }
    books[portfolio] = book
  end
  flags = tonumber(flags)
  -- Numbers that few sends come to need are left as they came.
  return { book = book, attempt = attempt, epoch = tonumber(epoch), dry = flags % 2 == 1, needs_window = flags % 4 >= 2,
    counts = flags % 8 >= 4, pair_shadow = flags % 16 >= 8, turn_shadow = flags >= 16, places = tonumber(places),
    hold_ms = tonumber(hold_ms), outcome_ms = outcome_ms, remember_ms = remember_ms, margin_ms = margin_ms,
    pair_emission = tonumber(pair_emission), pair_tolerance = pair_tolerance, emission_us = tonumber(emission_us),
    tolerance_us = tolerance_us, valid_until = valid_until, claim_ms = claim_ms, expected = 0, ends = 0, times = '',
    pair_tat = 0, pair_text = '', pair_px = '', turns = turns == '' and NONE or cjson.decode(turns),
    tallies = tallies == '' and NONE or tallies_of(book.k, tallies, looks) }
end

local after = 2 + argv[1]
for i = 2, after - 1 do kinds[i - 1] = kind_of(argv[i]) end

-- Of each send: where it stands in ARGV, and where the first of its strings stands in `looks`.
local sends = {}
while after <= last do
  local which = tonumber(argv[after])
  local has_more = not which
  if has_more then which = tonumber(string.sub(argv[after], 1, -2)) end
  local kind, recipient, number, claim = kinds[which + 1], argv[after + 2], argv[after + 3], argv[after + 6]
  local book = kind.book
  local k, tats, at = book.k, book.tats, #looks + 1
  local send = { kind = kind, at = after, look = at, message_key = k.message .. argv[after + 1],
    bucket = bucket_of(recipient), has_more = has_more }
  sends[#sends + 1] = send
  looks[at], looks[at + 1] = k.pair .. number .. ':' .. recipient, k.places .. send.bucket
  if claim ~= '' then looks[at + 2] = k.once .. claim end
  unmet[#unmet + 1] = send.message_key
  if not has_more or argv[after + 7] == '0' then unmet[#unmet + 1] = k.user .. recipient end
  if not tats[number] then
    local fields = book.fields
    fields[#fields + 1] = 'tat:' .. number
    tats[number] = #fields
  end
  after = after + (has_more and 11 or 7)
end
for _, book in pairs(books) do unmet[#unmet + 1] = book.k.queued_for end

local found = redis.call('MGET', unpack(looks))
local now = now_by(found[1])
local now_text, answer = string.format('%d', now), { now }
local is_any_known = redis.call('EXISTS', unpack(unmet)) > 0
tallies_found(found)
places_later()
for _, book in pairs(books) do
  local stood, tats = redis.call('HMGET', book.k.ledger, unpack(book.fields)), book.tats
  book.epoch, book.used = tonumber(stood[1] or 0), tonumber(stood[2] or 0)
  for number, at in pairs(tats) do tats[number] = tonumber(stood[at] or 0) end
  book.stood, book.sums = book.used, sums_of(book.k)
  book.sums.told = true
end

-- What is the same for all sends of a kind to users of whom nothing is known.
for _, kind in ipairs(kinds) do
  kind.expected, kind.ends = now + 86400000, now + kind.hold_ms
  kind.times = string.format(',%d,%d', kind.expected, kind.ends)
  kind.pair_tat = now + kind.pair_emission
  kind.pair_text, kind.pair_px = string.format('0 %d', kind.pair_tat), string.format('%d', kind.pair_emission + 1000)
end

local function books_write()
  places_write()
  tallies_write(now)
  for _, book in pairs(books) do
    local change, intents = {}, book.intents
    if book.sums.used ~= 0 then change = { 'used', string.format('%d', book.stood + book.sums.used) } end
    for number in pairs(book.turns) do
      change[#change + 1] = 'tat:' .. number
      -- To the microsecond, which is what a turn takes.
      change[#change + 1] = math.floor(book.tats[number] * 1000 + 0.5) / 1000
    end
    if change[1] then redis.call('HSET', book.k.ledger, unpack(change)) end
    if intents[1] then redis.call('ZADD', book.k.inflight, unpack(intents)) end
  end
end

-- What is told of a send, but for one that was taken as most are: of that it is added to the answer at once.
local function admit(send)
  local i, kind, look, message_key = send.at, send.kind, send.look, send.message_key
  local id, recipient, number, about, claim = argv[i + 1], argv[i + 2], argv[i + 3], argv[i + 5], argv[i + 6]
  local user_version, user_record, user_expires, body = 0, '', 0, ''
  if send.has_more then
    user_version, user_record = tonumber(argv[i + 7]), argv[i + 8]
    user_expires, body = tonumber(argv[i + 9]), argv[i + 10]
  end
  local book, dry, epoch, attempt = kind.book, kind.dry, kind.epoch, kind.attempt
  local k = book.k

  -- Is it still this attempt's to send?
  local record = NONE
  if is_any_known or texts[message_key] then
    record = seldom().message_read(k, id, 'state', 'attempt', 'history', 'lane', 'recipient')
  end
  local state = record[1]
  if state == 'sending' and record[2] == attempt and not dry then return { 1, epoch, 0, 1 } end
  if state and not dry and not (state == 'queued' and record[2] == attempt) then return { 0, epoch, 1 } end

  -- Is it the only one of its kind? Whoever knows the answer of another one is asked before all else.
  local claim_key = claim ~= '' and looks[look + 2]
  local claimed = claim_key and (texts[claim_key] or found[look + 2])
  if claimed then
    local since, holder, _, answered = seldom().once_read(claimed)
    if now - since < tonumber(kind.claim_ms) and (holder ~= id or answered) then return { 0, epoch, 5 } end
  end
  if now >= tonumber(argv[i + 4]) then return { 0, epoch, 2 } end

  -- Is the decision still made under today's standing?
  if book.epoch ~= epoch then return { 0, book.epoch, 0, 0, 0, 0, book.used } end
  if kind.valid_until ~= '0' and now >= tonumber(kind.valid_until) then return { 0, epoch, 4 } end

  -- Does it rest on what is known of the user today?
  local version = 0
  if is_any_known or user_version > 0 or texts[recipient] then
    version = tonumber(redis.call('HGET', k.user .. recipient, 'v') or 0)
  end
  if version ~= user_version then
    return { 0, epoch, 3, 0, 0, 0, book.used, 0, 0, version, redis.call('HGET', k.user .. recipient, 'r') or '' }
  end

  -- The recipient's service window and the pair's next turn.
  local pair_key = looks[look]
  local pair, pair_emission, pair_tolerance = texts[pair_key] or found[look], kind.pair_emission, kind.pair_tolerance
  local window, pair_tat, pair_at, open = 0, 0, 0, false
  if pair then
    local a, b = string.match(pair, '^(%d+) (%d+)$')
    window, pair_tat = tonumber(a), tonumber(b)
    pair_at, open = pair_tat - pair_tolerance, window - kind.margin_ms > now
  end

  -- The number's next turn.
  local tat, emission_us, tolerance_us, turn_at = book.tats[number], kind.emission_us, kind.tolerance_us, 0
  if tat > now then turn_at = math.ceil(tat - tolerance_us / 1000) end

  -- A place, unless the recipient holds one; places whose end has come are freed first.
  local counts, places, counted, used, needs_place = kind.counts, kind.places, 0, book.used, false
  local bucket, member, place_text, place_ends = send.bucket, nil, nil, 0
  if counts and not open then
    if book.has_ended == nil then book.has_ended = redis.call('ZCOUNT', k.calendar, '-inf', now_text) > 0 end
    if book.has_ended then
      local sweep = seldom().sweep
      if places >= 0 then used = sweep(k, now, used, places, 100000) end
      if dry then used = sweep(k, now, used, 0, 1000) end
      if not book.is_swept then used = sweep(k, now, used, 0, 1) end
      book.used, book.is_swept = used, true
    end
    needs_place, member, place_text = true, member_of(recipient), found[look + 1] or ''
    if rewritten[looks[look + 1]] then place_text = redis.call('GET', looks[look + 1]) or '' end
    local at = entry_at(place_text, member)
    if at then place_ends = stamped(place_text, at + NAME) end
    if place_ends > now then counted = 1 end
  end

  -- Further paces and allowances.
  local turns, tallies, times, come = kind.turns, kind.tallies, NONE, true
  if turns[1] then times, come = seldom().turns_look(k, turns, now) end
  local share = tallies.share
  if share then share.stand.stood = seldom().share_used(k, string.sub(share.name, 7), share.limit, now) end
  local room = tallies_look(tallies, needs_place and counted == 0, open)

  local denied = (kind.needs_window and not open)
    or (needs_place and counted == 0 and places >= 0 and used >= places)
    or ((pair_emission > 0 and pair_at > now) and not kind.pair_shadow)
    or ((emission_us > 0 and turn_at > now) and not kind.turn_shadow)
  denied = denied or not come or not room
  local seen
  if denied or dry or times[1] or pair_at > now or turn_at > now then
    seen = { denied and 0 or 1, epoch, 0, 0, window, counted, used, pair_at, turn_at, version, '',
      table.concat(times, ' '), tallies_told(tallies) }
    if denied or dry then return seen end
  else
    local told = #answer + 1
    answer[told] = 2 + 2 * used + counted
    if window > 0 then
      answer[told], answer[told + 1] = -answer[told], window
      told = told + 1
    end
    for j = 1, #tallies do answer[told + j] = tallies[j].stand.stood end
  end

  -- All is there: take it.
  if needs_place then
    local expected, ends = kind.expected, kind.ends
    if place_ends == 0 then
      book.used = used + place_begin(k, bucket, member, place_text, id, expected, ends, kind.times)
    else
      local place = seldom().place_load(k, recipient)
      place.holds[id] = { expected = expected, ends = ends }
      book.used = used + seldom().place_save(k, place, now)
    end
    if counted == 0 and is_any_known then seldom().wake_queued(k, recipient, now) end
    if string.find(about, '"share":', 1, true) then
      seldom().share_change(k, about, recipient, { ends = place_ends }, now, function(own)
        own.holds[id] = { expected = expected, ends = ends }
      end)
    end
  end
  if pair_emission > 0 then
    local text, lasting = kind.pair_text, kind.pair_px
    if pair then
      pair_tat = math.max(pair_tat, now) + pair_emission
      -- Where nobody waits for it, debt must not grow for ever.
      if kind.pair_shadow then pair_tat = math.min(pair_tat, now + pair_tolerance + pair_emission) end
      text, lasting = digits(window) .. ' ' .. digits(pair_tat), digits(math.max(window, pair_tat) - now + 1000)
    end
    redis.call('SET', pair_key, text, 'PX', lasting)
    texts[pair_key] = text
  end
  if emission_us > 0 then
    local turn = math.max(tat, now) + emission_us / 1000
    if kind.turn_shadow then turn = math.min(turn, now + (tolerance_us + emission_us) / 1000) end
    book.tats[number], book.turns[number] = turn, true
  end
  if claim_key then
    claimed = now_text .. ' ' .. id .. ' '
    redis.call('SET', claim_key, claimed, 'PX', kind.claim_ms)
    texts[claim_key] = claimed
  end
  if turns[1] then seldom().turns_take(k, turns, now) end
  local taken = tallies_take(tallies)
  if user_record ~= '' then
    texts[recipient] = true
    redis.call('HSET', k.user .. recipient, 'v', digits(math.max(version + 1, now)), 'r', user_record)
    if user_expires > 0 then redis.call('PEXPIRE', k.user .. recipient, digits(math.max(1000, user_expires - now)))
    else redis.call('PERSIST', k.user .. recipient) end
  end

  -- The intent, before the first byte leaves.
  local place_kind, window_text = needs_place and '1' or (counts and '0' or ''), window > 0 and digits(window) or '0'
  local remember_ms = kind.remember_ms
  if state then
    redis.call('HSET', message_key, 'state', 'sending', 'attempt', attempt, 'recipient', recipient, 'number', number,
      'place', place_kind, 'at', now_text, 'about', about, 'window', window_text, 'tallies', taken,
      'history', (record[3] or '') .. now_text .. ' sending\n')
  else
    -- The packed form of what is known as it goes: _message.lua.
    local sent = recipient .. attempt .. ' ' .. number .. ' ' .. (place_kind == '' and '-' or place_kind) .. ' ' .. now_text
      .. ' ' .. window_text .. ' ' .. #taken .. '\n' .. taken .. about
    if body == '' then redis.call('PSETEX', message_key, remember_ms, sent)
    else redis.call('HSET', message_key, 'packed', sent) end
  end
  if body ~= '' then redis.call('HSET', message_key, 'body', body, 'expires', argv[i + 4]) end
  if state or body ~= '' then redis.call('PEXPIRE', message_key, remember_ms) end
  texts[message_key] = true
  local intents = book.intents
  intents[#intents + 1] = now + kind.outcome_ms
  intents[#intents + 1] = id
  if state == 'queued' then
    seldom().lane_drop(k, id, record[4])
    redis.call('ZREM', k.deadlines, id)
    seldom().queued_for(k, record[5] or recipient, id, false)
  end
  return seen
end

-- What was taken is in the books, whatever breaks on the way.
local done, fault = pcall(function()
  for n = 1, #sends do
    local seen, told = admit(sends[n]), #answer
    if seen then for j = 1, 13 do answer[told + j] = seen[j] or (j <= 10 and 0 or '') end end
  end
end)
books_write()
if not done then error(fault, 0) end
return answer
