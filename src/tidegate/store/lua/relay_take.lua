-- relay_take: keep webhooks for the apps that they are to be handed to, each once.
-- uses: keys, time, relay
-- promised
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV[1]  ms for which it is remembered that one was taken, 2 ms for which nothing of it outlives its last delivery
--          or death, 3 most that may wait for one app
-- ARGV[4+] 7 an item: app, id (what names its content), day that it tells of, line, body (sealed), message that its
--          status id depends on or '', what it is, in a word
--
-- Returns now, then for each: 1 kept now, 0 taken before, -1 left out, for too many wait. Running again changes nothing.
local k, now = keys_of(0), now_ms(KEYS[1])
local remember, keep, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local answer = { now }

local function take(app, id, day, line, body, message, kind)
  local seen = k.relay .. 'seen:' .. app .. ':' .. day .. ':' .. string.byte(id)
  if redis.call('SISMEMBER', seen, id) == 1 then return 0 end
  if redis.call('ZCARD', k.relay .. 'order:' .. app) >= most then return -1 end
  redis.call('SADD', seen, id)
  redis.call('PEXPIRE', seen, remember)
  redis.call('HSET', relay_item(k, app, id), 'line', line, 'body', body, 'message', message, 'kind', kind, 'at', now,
    'tries', 0)
  relay_append(k, app, line, id, now, keep)
  return 1
end

for i = 4, #ARGV, 7 do
  answer[#answer + 1] = take(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
end
return answer
