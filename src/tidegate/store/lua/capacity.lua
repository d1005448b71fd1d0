-- capacity: how many places are held, and when they are expected to come free.
-- uses: keys, time, places, shares
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV[1] an app with a share of the limit, for the places that its own sends took; empty: those of the portfolio
-- ARGV[2] 1: the curve too, which may be as long as a day has seconds
--
-- Returns now, epoch (0 of an app), used, whether places are left that have ended (1, 0), then the curve in pairs of
-- second and places. What has ended is freed some buckets at a time, so that nobody's send waits for it: ask again until 0.
local k = ARGV[1] ~= '' and share_book(keys_of(0), ARGV[1]) or keys_of(0)
local now = now_ms(k.clock)
local books = redis.call('HMGET', k.ledger, 'epoch', 'used')
local used = sweep(k, now, tonumber(books[2] or 0), 0, 500)
local ended = redis.call('ZCOUNT', k.calendar, '-inf', digits(now)) > 0 and 1 or 0
local answer = { now, tonumber(books[1] or 0), used, ended }
if ARGV[2] ~= '1' then return answer end
for _, value in ipairs(redis.call('HGETALL', k.releases)) do answer[#answer + 1] = tonumber(value) end
return answer
