-- top_up: put money into the wallet of a WABA, once for each reference, and begin a new epoch.
-- uses: keys, time
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 most entries of history to keep, 2 WABA, 3 reference (hex), 4 amount (millionths), 5 most that may be paid
--         in, 6 cause
--
-- Returns now, the epoch after it, 1 when it was put in (0 when this reference was used before, -1 when the wallet
-- would hold more than it may), what the reference stands for, all that was paid in so far. Run again it changes
-- nothing. The total is kept as `restand` keeps a field of the standing.
local k, now = keys_of(0), now_ms(KEYS[1])
local waba, amount = ARGV[2], tonumber(ARGV[4])
local payment, field = waba .. ' ' .. ARGV[3], 'wallet:' .. waba .. '|topped_up_micros@operator'

local function whole(number) return string.format('%.0f', number) end
local function epoch() return tonumber(redis.call('HGET', k.ledger, 'epoch') or 0) end

local before = string.match(redis.call('HGET', k.standing, field) or '', '^%d+ %d+ (%d+)$')
local total = tonumber(before or 0)
local paid = redis.call('HGET', k.topups, payment)
if paid then return { now, epoch(), 0, paid, whole(total) } end
if total + amount > tonumber(ARGV[5]) then return { now, epoch(), -1, whole(0), whole(total) } end

redis.call('HSET', k.topups, payment, whole(amount))
total = whole(total + amount)
redis.call('HSET', k.standing, field, whole(now) .. ' ' .. whole(now) .. ' ' .. total)
redis.call('XADD', k.history, 'MAXLEN', '~', ARGV[1], '*', 'at', now, 'since', now, 'record', 'wallet:' .. waba,
  'field', 'topped_up_micros@operator', 'from', before or '', 'to', total, 'cause', ARGV[6])
return { now, redis.call('HINCRBY', k.ledger, 'epoch', 1), 1, whole(amount), total }
