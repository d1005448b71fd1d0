-- asked: what the sends of a call of `admit` ask for, as its header tells of ARGV, and what they have to know: read in one
-- call each for all. For strings, of which the first is the clock; and whether anything is known of a message or its
-- user: most are new messages to users of whom nothing is known.
--
-- Of a kind, in this order, what it is told of it; in the place of the portfolio its book, of the hold its end. Numbers
-- that few sends come to need are left as they came. Then what is the same for all of its sends to users of whom nothing
-- is known: the text of a hold's times, and of the pair's turn, and the number's turn.
local BOOK, FLAGS, FREE, ENDS, PAIR_EMISSION, EMISSION_US, TURNS, TALLIES, TIMES, PAIR_TEXT, TURN =
  1, 4, 5, 6, 10, 12, 16, 17, 18, 19, 20
local KIND =
  '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)\n(.-)\n(.*)()()()$'
local argv, last, NONE, kinds, books = ARGV, #ARGV, {}, {}, {}
local looks, look, first = { KEYS[1], false, false, false, false }, 2, 2 + argv[1]
for i = 2, first - 1 do
  local kind, book = { string.match(argv[i], KIND) }, nil
  local portfolio, turns, tallies = kind[BOOK] + 1, kind[TURNS], kind[TALLIES]
  for b = 1, #books do
    if books[b].portfolio == portfolio then book = books[b] end
  end
  if not book then
    local prefix = string.sub(KEYS[2 * portfolio - 1], 1, -6)
    -- `fields` of the ledger are asked for, of which `tats` says where the turns of a number stand. What a call adds up
    -- of it: _places.lua.
    book = { portfolio = portfolio, prefix = prefix, ledger = KEYS[2 * portfolio], calendar = prefix .. 'calendar',
      fields = { 'epoch', 'used', false }, tats = {}, n = 2, stood = NONE, epoch = '0', used = 0, used_before = 0,
      change = 0, begun = 0, held = NONE, intents = NONE }
    books[#books + 1] = book
  end
  kind[BOOK], kind[FLAGS], kind[FREE] = book, kind[FLAGS] + 0, kind[FREE] + 0
  kind[PAIR_EMISSION], kind[EMISSION_US] = kind[PAIR_EMISSION] + 0, kind[EMISSION_US] + 0
  kind[TURNS] = turns == '' and NONE or cjson.decode(turns)
  if tallies == '' then kind[TALLIES] = NONE
  else kind[TALLIES], look = tallies_of(book.prefix, tallies, looks, look) end
  kinds[i - 1] = kind
end

-- Of each send the name of its string of places, and whether one before it in this call may have changed what is read of
-- it here.
local buckets, again, named, unmet = {}, NONE, nil, { false, false, false }
local at, n, first_look, which, kind, book, prefix, step = first, 0, look, nil, nil, nil, nil, 0
while at <= last do
  if argv[at] ~= which then
    which = argv[at]
    kind = kinds[which + 1]
    book = kind[BOOK]
    prefix, step = book.prefix, kind[FLAGS] % 64 >= 32 and 11 or 7
  end
  local recipient, number, claim, tats = argv[at + 2], argv[at + 3], argv[at + 6], book.tats
  local bucket, message_key, claim_key = bucket_of(recipient), prefix .. MESSAGE .. argv[at + 1], nil
  local places_key = prefix .. PLACES .. bucket
  n = n + 1
  buckets[n] = bucket
  looks[look], looks[look + 1] = prefix .. PAIR .. number .. ':' .. recipient, places_key
  look = look + 2
  if claim ~= '' then
    claim_key = prefix .. ONCE .. claim
    looks[look] = claim_key
    look = look + 1
  end
  unmet[2 * n - 1] = message_key
  unmet[2 * n] = step > 7 and argv[at + 7] ~= '0' and message_key or prefix .. USER .. recipient
  if not tats[number] then
    local field = book.n + 1
    book.n, tats[number], book.fields[field] = field, field, 'tat:' .. number
  end
  at = at + step
  if n > 1 or at <= last then
    if not named then named, again = {}, {} end
    again[n] = named[places_key] or named[message_key] or (claim_key and named[claim_key])
    named[places_key], named[message_key] = true, true
    if claim_key then named[claim_key] = true end
  end
end

local found = redis.call('MGET', unpack(looks, 1, look - 1))
local now = now_by(found[1])
for i = 1, #stands do
  local stand = stands[i]
  local text = found[stand.at]
  stand.stood, stand.is_new = (text or 0) + 0, not text
end
for b = 1, #books do unmet[2 * n + b] = books[b].prefix .. 'queued_for' end
local met, is_any_queued, is_any_known = redis.call('EXISTS', unpack(unmet, 1, 2 * n + #books)), false, false
if met > 0 then
  local queued = redis.call('EXISTS', unpack(unmet, 2 * n + 1, 2 * n + #books))
  is_any_queued, is_any_known = queued > 0, met > queued
end
for b = 1, #books do
  local book = books[b]
  local stood = redis.call('HMGET', book.ledger, unpack(book.fields, 1, book.n))
  book.stood, book.epoch, book.used = stood, stood[1] or '0', (stood[2] or 0) + 0
  book.used_before = book.used
end
-- When what begins now is expected to end; the second in which that is.
local expected = now + 86400000
local begun_in, now_text = (expected - expected % -1000) / 1000, string.format('%d', now)
for i = 1, #kinds do
  local kind = kinds[i]
  local ends = now + kind[ENDS]
  kind[ENDS], kind[TIMES] = ends, string.format(',%d,%d', expected, ends)
  kind[PAIR_TEXT] = string.format('0 %d', now + kind[PAIR_EMISSION])
  kind[TURN] = now + kind[EMISSION_US] / 1000
end
