-- relay_replay: have dead letters of an app tried again, behind what waits for the same users.
-- uses: keys, time, message, relay
-- promised
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV     1 app, 2 ms for which nothing of one outlives its last delivery or death, 3 most of them, 4+ ids (none: the
--          oldest)
--
-- Returns how many are tried again. Running again takes up what is still dead.
local k, now = keys_of(0), now_ms(KEYS[1])
local app, dead = ARGV[1], k.relay .. 'dead:' .. ARGV[1]
local ids = { unpack(ARGV, 4) }
if #ids == 0 then ids = redis.call('ZRANGE', dead, 0, tonumber(ARGV[3]) - 1) end

local replayed = 0
for _, id in ipairs(ids) do
  local line = redis.call('HGET', relay_item(k, app, id), 'line')
  if redis.call('ZREM', dead, id) == 1 and line then
    redis.call('HSET', relay_item(k, app, id), 'at', now, 'tries', 0)
    redis.call('HDEL', relay_item(k, app, id), 'died_at')
    relay_append(k, app, line, id, now, ARGV[2])
    replayed = replayed + 1
  end
end
return replayed
