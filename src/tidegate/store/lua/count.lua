-- count: how often something happened lately, or in a row.
-- uses: keys, time
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    5 a count: name, span that counts (ms; 0: all since it was last begun anew), id of what happened ("<when>:..."),
--         when that was (ms), '1' = it begins the count anew
--
-- Returns for each what it stands at now. What happened twice with one id counts once, and what happened before the
-- span, or before the count was begun anew, does not count, however late it is told. No more than 1,000 are counted.
-- count: "floor:<when it was begun anew> <when it was told>,<id> ...".
local k, now = keys_of(0), now_ms(KEYS[1])
local MOST, ROW_MS, answer = 1000, 2592000000, {}

local function put(key, floor, kept, ms)
  if floor then table.insert(kept, 1, string.format('floor:%.0f', floor)) end
  redis.call('SET', key, table.concat(kept, ' '), 'PX', string.format('%.0f', ms))
end

for i = 1, #ARGV, 5 do
  local key, window, id, anew = k.count .. ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 4] == '1'
  local happened, said = math.min(tonumber(ARGV[i + 3]), now), redis.call('GET', key)
  local in_row = window == 0
  local floor = in_row and tonumber(string.match(said or '', 'floor:(%d+)') or 0) or now - window
  if anew then floor = math.max(floor, happened) end
  local kept, known = {}, false
  for told, other in string.gmatch(said or '', '(%d+),(%S+)') do
    local at = in_row and tonumber(string.match(other, '^%d+') or told) or tonumber(told)
    if at > floor then
      kept[#kept + 1] = told .. ',' .. other
      known = known or other == id
    end
  end
  if not anew and not known and happened > floor and #kept < MOST then
    kept[#kept + 1] = string.format('%.0f,', now) .. id
  end
  answer[#answer + 1] = #kept
  -- Of what never happened nothing is kept, though it is begun anew with each message that goes well.
  if in_row and (said or #kept > 0) then put(key, floor, kept, ROW_MS)
  elseif not in_row and #kept > 0 then put(key, nil, kept, window) end
end
return answer
