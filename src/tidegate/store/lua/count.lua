-- count: how often something happened lately, or in a row.
-- uses: keys, time
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    3 a count: name, span that counts (ms; 0: all since it was last begun anew), id of what happened ('' = begin
--         anew)
--
-- Returns for each what it stands at now. What happened twice with one id counts once. No more than 1,000 are counted.
local k, now = keys_of(0), now_ms(KEYS[1])
local MOST, ROW_MS, answer = 1000, 2592000000, {}

for i = 1, #ARGV, 3 do
  local key, window, id = k.count .. ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  local kept, count, known = {}, 0, false
  if id == '' then
    redis.call('DEL', key)
  else
    for at, other in string.gmatch(redis.call('GET', key) or '', '(%d+),(%S+)') do
      if window == 0 or tonumber(at) > now - window then
        kept[#kept + 1] = at .. ',' .. other
        known = known or other == id
      end
    end
    if not known and #kept < MOST then kept[#kept + 1] = string.format('%.0f,', now) .. id end
    count = #kept
    redis.call('SET', key, table.concat(kept, ' '), 'PX', string.format('%.0f', window == 0 and ROW_MS or window))
  end
  answer[#answer + 1] = count
end
return answer
