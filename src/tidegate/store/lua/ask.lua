-- ask: note since when users wait for an answer, from the times of their own messages.
-- uses: keys, time, cells, figures
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which it is known that a user waits, and when we last wrote
-- ARGV[2+] 4 a message: portfolio, recipient (16 bytes), number, Meta's time of the user's message (ms)
--
-- Returns for each 1 where the user waits since then, else 0. A message that is told again, or told late, changes
-- nothing but to an earlier beginning; one that is older than what is remembered counts nothing.
local now, answer = now_ms(KEYS[1]), {}

for i = 2, #ARGV, 4 do
  local k, number, at = keys_of(tonumber(ARGV[i])), ARGV[i + 2], math.min(now, tonumber(ARGV[i + 3]))
  local waits = 0
  if now - at < tonumber(ARGV[1]) then
    waits = figures_ask(k, number .. ':' .. ARGV[i + 1], { number = number }, at, ARGV[1])
  end
  answer[#answer + 1] = waits
end
cells_write()
return answer
