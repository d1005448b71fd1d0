-- asked: what the sends of a call of `admit` ask for, as its header tells of ARGV, and what they have to know: read in one
-- call each for all. For strings, of which the first is the clock; and whether anything is known of a message or its
-- user: most are new messages to users of whom nothing is known.
local KIND, TALLY = '<BBddddddddddBsss', '<dddBss'
local argv, last, NONE, books = ARGV, #ARGV, {}, {}
local looks, look, first = { KEYS[1], false, false, false, false }, 2, 4 + argv[1]
-- Which kind each is of; deadlines, of which most calls have to know the earliest.
local of_kind, deadlines = argv[first - 2], argv[first - 1]
local earliest = struct.unpack('<d', deadlines)
local function deadline_of(s) return (struct.unpack('<d', deadlines, 8 * s + 1)) end
-- What is the same for all sends of a kind, until there is one of another: those of several wait in `kinds`. The last five
-- are made when the first of them is judged: when a hold of it ends, as ms and as it is written, the text of a hold's
-- times, and to users of whom nothing is known the text of the pair's turn and the number's turn.
local book, flags, places, hold_ms, remember_ms, margin_ms, pair_emission, pair_tolerance, emission_us,
  tolerance_us, valid_until, claim_ms, attempt, epoch, turns, tallies, ends, stamp_of_end, times, pair_text, turn
local kinds = first > 5 and {}
for i = 2, first - 3 do
  local portfolio, count, from
  portfolio, flags, places, hold_ms, remember_ms, margin_ms, pair_emission, pair_tolerance, emission_us,
    tolerance_us, valid_until, claim_ms, count, attempt, epoch, turns, from = struct.unpack(KIND, argv[i])
  portfolio, book = portfolio + 1, nil
  for b = 1, #books do
    if books[b].portfolio == portfolio then book = books[b] end
  end
  if not book then
    -- What a call adds up of it: _holders.lua.
    book = { portfolio = portfolio, prefix = string.sub(KEYS[2 * portfolio - 1], 1, -6), ledger = KEYS[2 * portfolio],
      paced = NONE, epoch = '0', stood = 0, used = 0, change = 0, begun = 0, held = NONE, intents = NONE }
    books[#books + 1] = book
  end
  turns, tallies = turns == '' and NONE or cjson.decode(turns), NONE
  -- Its tallies: cost, limit (-1 none), end (ms, 0 never), `when`, name, and what is noted of it. `when`: 0 always; 1 for
  -- a new place; 2 nothing to pay in an open window; 3 while there is room, and whatever comes after it in the list is
  -- free then; 4 for a new place, of those that an app has ("share:<app>", _shares.lua): where such a one stands is told
  -- before each look. Of each that the call has not asked for yet it is read where that stands.
  if count > 0 then tallies = {} end
  for t = 1, count do
    local cost, limit, lasts, when, name, noted
    cost, limit, lasts, when, name, noted, from = struct.unpack(TALLY, argv[i], from)
    local key, stand = book.prefix .. TALLY_OF .. name, nil
    for s = 1, #stands do
      if stands[s].key == key then stand = stands[s] end
    end
    if not stand then
      stand = { prefix = book.prefix, name = name, key = key, ends = lasts, at = look, began = 0, stood = 0,
        is_taken = false }
      looks[look] = key
      look = look + 1
      stands[#stands + 1] = stand
    end
    tallies[t] = { name = name, cost = cost, limit = limit, when = when, stand = stand, noted = noted, pays = false }
    if when == 4 then tallies.share = tallies[t] end
  end
  if kinds then
    kinds[i - 1] = { book, flags, places, hold_ms, remember_ms, margin_ms, pair_emission, pair_tolerance,
      emission_us, tolerance_us, valid_until, claim_ms, attempt, epoch, turns, tallies, false, false, false, false,
      false }
  end
end

-- Of each send the name of its string of places, and whether one before it in this call may have changed what is read of
-- it here.
local buckets, again, named, unmet = {}, {}, nil, { false, false, false }
local at, n, first_look, which, prefix, step = first, 0, look, nil, nil, nil
while at <= last do
  n = n + 1
  local kind = kinds and byte(of_kind, n) or 0
  if kind ~= which then
    which = kind
    if kinds then book, flags = unpack(kinds[kind + 1], 1, 2) end
    prefix, step = book.prefix, flags % 64 >= 32 and 9 or 5
  end
  local recipient, claim = argv[at + 1], argv[at + 4]
  local bucket, message_key, claim_key = bucket_of(recipient), prefix .. MESSAGE .. argv[at], nil
  local places_key = prefix .. PLACES .. bucket
  buckets[n] = bucket
  looks[look], looks[look + 1] = prefix .. PAIR .. argv[at + 2] .. ':' .. recipient, places_key
  look = look + 2
  if claim ~= '' then
    claim_key = prefix .. ONCE .. claim
    looks[look] = claim_key
    look = look + 1
  end
  unmet[2 * n - 1] = message_key
  unmet[2 * n] = step > 5 and argv[at + 5] ~= '0' and message_key or prefix .. USER .. recipient
  at = at + step
  if n > 1 or at <= last then
    if not named then named = {} end
    if named[places_key] or named[message_key] or (claim_key and named[claim_key]) then again[n] = true end
    named[places_key], named[message_key] = true, true
    if claim_key then named[claim_key] = true end
  end
end

local found = redis.call('MGET', unpack(looks, 1, look - 1))
local now = now_ms(KEYS[1], found[1])
for i = 1, #stands do
  local stand = stands[i]
  stand.began = (found[stand.at] or 0) + 0
  stand.stood = stand.began
end
for b = 1, #books do unmet[2 * n + b] = books[b].prefix .. 'queued_for' end
local known, is_any_queued, is_any_known = redis.call('EXISTS', unpack(unmet, 1, 2 * n + #books)), false, false
local is_any_user_known, message_texts = false, nil
if known > 0 then
  local queued = redis.call('EXISTS', unpack(unmet, 2 * n + 1, 2 * n + #books))
  is_any_queued, is_any_known = queued > 0, known > queued
  if is_any_known then
    local messages, users = {}, {}
    for s = 1, n do messages[s], users[s] = unmet[2 * s - 1], unmet[2 * s] end
    is_any_user_known, message_texts = redis.call('EXISTS', unpack(users)) > 0, redis.call('MGET', unpack(messages))
  end
end
local now_text = format('%d', now)
local left_text = now_text .. ' left'
for b = 1, #books do
  local book = books[b]
  local stood = redis.call('HMGET', book.ledger, 'epoch', 'used', 'paced', left_text, 'sending_since')
  local used = (stood[2] or 0) + 0
  book.epoch, book.stood, book.used, book.paced = stood[1] or '0', used, used, stood[3] and cmsgpack.unpack(stood[3]) or {}
  book.were_sending, book.sending_since = (stood[4] or 0) + 0, stood[5]
end
-- When what begins now is expected to end; the second in which that is.
local expected = now + 86400000
local begun_in = (expected - expected % -1000) / 1000
