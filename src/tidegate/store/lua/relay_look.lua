-- relay_look: when there is something to do for the apps of portfolios.
-- uses: keys, time, message, relay
--
-- KEYS  the blocks of the portfolios that are looked at (store/keys.py)
-- ARGV  1 ms for which the dead are kept, then for each of the portfolios: how many apps, then the apps
--
-- Returns for each portfolio: now, 1 when promised messages ended that nobody has been told of, then for each app when
-- there is something to do (ms, 0 = nothing waits).
local kept, answer = tonumber(ARGV[1]), {}

local function first(key)
  return tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
end

local function due(k, app)
  local line = first(k.relay .. 'due:' .. app)
  local held = line and tonumber(redis.call('HGET', k.relay .. 'app:' .. app, 'held_until') or 0)
  local dead = first(k.relay .. 'dead:' .. app)
  local at = math.min(line and math.max(line, held) or math.huge, dead and dead + kept or math.huge)
  return at < math.huge and at or 0
end

local i, portfolio = 2, 0
while i <= #ARGV do
  local k = keys_of(portfolio)
  answer[#answer + 1] = now_ms(k.clock)
  answer[#answer + 1] = redis.call('EXISTS', k.relay .. 'ended')
  for app = i + 1, i + tonumber(ARGV[i]) do answer[#answer + 1] = due(k, ARGV[app]) end
  i, portfolio = i + 1 + tonumber(ARGV[i]), portfolio + 1
end
return answer
