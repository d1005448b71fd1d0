-- close_window: forget users' service windows that Meta says are closed.
-- uses: keys, time, names
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV     4 a window: portfolio, recipient (16 bytes), number, when Meta said so (ms)
--
-- Returns now. A message of the user's that is newer than that opens it again.
local now = now_ms(KEYS[1])

for i = 1, #ARGV, 4 do
  local k = keys_of(tonumber(ARGV[i]))
  local key = k.pair .. ARGV[i + 2] .. ':' .. name_of(k, ARGV[i + 1])
  local window, tat = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  if window and tonumber(window) - 86400000 <= tonumber(ARGV[i + 3]) then
    if tonumber(tat) <= now then redis.call('DEL', key)
    else redis.call('SET', key, '0 ' .. tat, 'PX', string.format('%.0f', tonumber(tat) - now + 1000)) end
  end
end
return { now }
