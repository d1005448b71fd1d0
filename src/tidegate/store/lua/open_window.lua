-- open_window: open users' customer service windows from the times of their own messages.
-- uses: keys, time, places, queue, names
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  length of the window (ms)
-- ARGV[2+] 4 a message: portfolio, recipient (16 bytes), number, Meta's time of the user's message (ms)
--
-- Returns now, then the end of each window (ms, 0 = none is open). A late or repeated message never shortens one, a
-- future one opens none beyond now + length, and one that is older than the window opens nothing.
local now = now_ms(KEYS[1])
local length, answer = tonumber(ARGV[1]), { now }

for i = 2, #ARGV, 4 do
  local k, number = keys_of(tonumber(ARGV[i])), ARGV[i + 2]
  local recipient = name_of(k, ARGV[i + 1])
  local key = k.pair .. number .. ':' .. recipient
  local window, tat = string.match(redis.call('GET', key) or '0 0', '^(%d+) (%d+)$')
  local ends = math.min(tonumber(ARGV[i + 3]), now) + length
  if ends > now and ends > tonumber(window) then
    redis.call('SET', key, digits(ends) .. ' ' .. tat, 'PX', math.max(ends, tonumber(tat)) - now + 1000)
    wake_queued(k, recipient, now)
    window = ends
  end
  window = tonumber(window)
  answer[#answer + 1] = window > now and window or 0
end
return answer
