-- capacity: how many places are held, and when they are expected to come free.
-- uses: keys, time, places, holders, shares
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV[1] an app with a share of the limit, for the places that its own sends took; empty: those of the portfolio
-- ARGV[2] how many places the curve is to free from now on; 0: no curve; -1: all of it, what is overdue too
--
-- Returns now, epoch (0 of an app), used, whether places are left that have ended (1, 0), then the curve in pairs of
-- second and places, in no order. One of more than a thousand seconds is told by the second for ten minutes, and only so
-- far where that is enough; then the next release, and what follows by the minute, at its last second that frees a place.
-- Who asks for one place is told the next release alone, wherever it is found before as many seconds as there are.
-- What has ended is freed some places at a time, so that nobody's send waits for it: ask again until 0.
local k = ARGV[1] ~= '' and share_book(keys_of(0), ARGV[1]) or keys_of(0)
local now, wanted = now_ms(k.clock), tonumber(ARGV[2])
local books = redis.call('HMGET', k.ledger, 'epoch', 'used')
local used = sweep(k, now, tonumber(books[2] or 0), 0, 500)
local ended = redis.call('ZCOUNT', k.calendar, '-inf', digits(now)) > 0 and 1 or 0
local answer = { now, tonumber(books[1] or 0), used, ended }
local function tell(second, places) answer[#answer + 1], answer[#answer + 2] = tonumber(second), tonumber(places) end
if wanted == 0 then return answer end
local size = redis.call('HLEN', k.releases)
if wanted < 0 or size <= 1000 then
  local all = redis.call('HGETALL', k.releases)
  for i = 1, #all, 2 do tell(all[i], all[i + 1]) end
  return answer
end

local second, asked = math.floor(now / 1000), {}
for i = 1, 600 do asked[i] = digits(second + i) end
for i, places in ipairs(redis.call('HMGET', k.releases, unpack(asked))) do
  if places then wanted = wanted - places; tell(second + i, places) end
  if wanted <= 0 then return answer end
end
if ARGV[2] == '1' then
  for from = 600, size - 600, 600 do
    for i, _ in ipairs(asked) do asked[i] = digits(second + from + i) end
    for i, places in ipairs(redis.call('HMGET', k.releases, unpack(asked))) do
      if places then tell(second + from + i, places); return answer end
    end
  end
end
local sums, ends, next_at, all = {}, {}, math.huge, redis.call('HGETALL', k.releases)
for i = 1, #all, 2 do
  local at = tonumber(all[i])
  if at > second + 600 then
    local minute = math.floor(at / 60)
    sums[minute], ends[minute] = (sums[minute] or 0) + all[i + 1], math.max(ends[minute] or 0, at)
    next_at = math.min(next_at, at)
  end
end
for minute, places in pairs(sums) do
  local first = math.floor(next_at / 60) == minute and tonumber(redis.call('HGET', k.releases, digits(next_at))) or 0
  if first > 0 and ends[minute] > next_at then tell(next_at, first); places = places - first end
  tell(ends[minute], places)
end
return answer
