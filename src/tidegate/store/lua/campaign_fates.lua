-- campaign_fates: write down what became of rows of a campaign, and count it.
--
-- KEYS    1 fates (a byte a row), 2 counts of them, by "<group>.<fate>"
-- ARGV    1 the highest fate of a row that is still in hand, then 3 a row: where its byte is (from 0), group, fate
--
-- Returns how many rows have another fate now. A higher fate stays; among those of rows in hand the last word does. A
-- word that comes again changes nothing, and neither does one on a row for which there is no room (a campaign that is
-- forgotten).
local in_hand, changed = tonumber(ARGV[1]), 0

for i = 2, #ARGV, 3 do
  local at, group, fate = tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2])
  local before = string.byte(redis.call('GETRANGE', KEYS[1], at, at))
  if before and before ~= fate and (fate > before or (before > 0 and fate > 0 and before <= in_hand)) then
    redis.call('SETRANGE', KEYS[1], at, string.char(fate))
    if before > 0 then redis.call('HINCRBY', KEYS[2], group .. '.' .. before, -1) end
    redis.call('HINCRBY', KEYS[2], group .. '.' .. fate, 1)
    changed = changed + 1
  end
end
return changed
