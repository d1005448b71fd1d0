-- time: the store's clock in ms, moved by the steerable test clock where one is set (`@` = standing still). `set`: what
-- stands there, where that is known.
local function now_ms(clock, set)
  if set == nil then set = redis.call('GET', clock) end
  if set and string.sub(set, 1, 1) == '@' then return tonumber(string.sub(set, 2)) end
  local time = redis.call('TIME')
  local us = time[2] + 0
  return time[1] * 1000 + (us - us % 1000) / 1000 + (set or 0)
end
