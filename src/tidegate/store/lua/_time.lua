-- time: the store's clock in ms, moved by the steerable test clock where one is set (`@` = standing still).
local function now_ms(clock)
  local set = redis.call('GET', clock)
  if set and string.sub(set, 1, 1) == '@' then return tonumber(string.sub(set, 2)) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + (tonumber(set or 0))
end
