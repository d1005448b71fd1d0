-- capacity: how many places are held, and when they are expected to come free.
-- uses: keys, time, places, shares
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    none, or 1 an app with a share of the limit: of the places that its own sends took
--
-- Returns now, epoch (0 of an app), used, then pairs of second and places.
local k = ARGV[1] and share_book(keys_of(0), ARGV[1]) or keys_of(0)
local now = now_ms(k.clock)
local books = redis.call('HMGET', k.ledger, 'epoch', 'used')
local used = sweep(k, now, tonumber(books[2] or 0), 0, 20000)
local answer = { now, tonumber(books[1] or 0), used }
for _, value in ipairs(redis.call('HGETALL', k.releases)) do answer[#answer + 1] = tonumber(value) end
return answer
