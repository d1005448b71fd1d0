-- ask: note since when users wait for an answer, from the times of their own messages.
-- uses: keys, time, adds, cells
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which it is known that a user waits, and when we last wrote
-- ARGV[2+] 4 a message: portfolio, recipient (16 bytes), number, Meta's time of the user's message (ms)
--
-- Returns for each 1 where the user waits since then, else 0. A message that is told again, or told late, changes
-- nothing but to an earlier beginning; one that is older than what is remembered counts nothing.
local now, answer = now_ms(KEYS[1]), {}

-- A user has written: who waits already waits since the first time. What is told only after we wrote again is no news.
local function wait(k, pair, about, at, keep_ms)
  local key = k.reached .. 'asked:' .. pair
  local asked, wrote = string.match(redis.call('GET', key) or '0 0', '^(%d+) (%d+)$')
  asked, wrote = tonumber(asked), tonumber(wrote)
  if at <= wrote or (asked > 0 and at >= asked) then return 0 end
  local function count(since, by)
    local cells = cells_of(k, since, about)
    cells_add(cells, 'asked', by)
    cells_add(cells, string.format('asked.%.0f', math.floor(since / 3600000) % 24), by)
  end
  if asked > 0 then count(asked, -1) end
  count(at, 1)
  redis.call('SET', key, string.format('%.0f %.0f', at, wrote), 'PX', keep_ms)
  -- Where no user has asked anything, whoever answers need not look.
  redis.call('SET', k.reached .. 'asked', 1, 'PX', keep_ms)
  return 1
end

for i = 2, #ARGV, 4 do
  local k, number, at = keys_of(tonumber(ARGV[i])), ARGV[i + 2], math.min(now, tonumber(ARGV[i + 3]))
  local waits = 0
  if now - at < tonumber(ARGV[1]) then
    waits = wait(k, number .. ':' .. ARGV[i + 1], { number = number }, at, ARGV[1])
  end
  answer[#answer + 1] = waits
end
cells_write()
return answer
