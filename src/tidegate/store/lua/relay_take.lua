-- relay_take: keep webhooks for the apps that they are to be handed to, each once.
-- uses: keys, time, message, relay
-- promised
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV[1]  ms for which it is remembered that one was taken, 2 ms for which nothing of it outlives its last delivery
--          or death, 3 most items that may be kept for one app, 4 most bytes of them
-- ARGV[5+] 7 an item: app, id (what names its content), day that it tells of, line, body (sealed), message that its
--          status id depends on or '', what it is, in a word
--
-- Returns now, then for each: 1 kept now, 0 taken before, -1 left out, for there is no room; and how many dead letters
-- made room for it. These go first, the oldest of them first. Running again changes nothing.
local k, now = keys_of(0), now_ms(KEYS[1])
local remember, keep, most, most_bytes = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local answer = { now }

-- Whether there is room for so much, and how many of the dead were dropped to make it.
local function room(app, size)
  local state, dead = k.relay .. 'app:' .. app, k.relay .. 'dead:' .. app
  local waiting, dropped, left = redis.call('ZCARD', k.relay .. 'order:' .. app), 0, redis.call('ZCARD', dead)
  -- What went by itself, of an app that nobody looked after for weeks, was not taken off.
  if waiting + left == 0 then redis.call('HDEL', state, 'bytes') end
  local function is_full()
    return waiting + left >= most or tonumber(redis.call('HGET', state, 'bytes') or 0) + size > most_bytes
  end
  while left > 0 and dropped < 1000 and is_full() do
    relay_forget(k, app, redis.call('ZPOPMIN', dead)[1])
    dropped, left = dropped + 1, left - 1
  end
  if dropped > 0 then redis.call('HINCRBY', state, 'dropped', dropped) end
  return not is_full(), dropped
end

local function take(app, id, day, line, body, message, kind)
  local seen = k.relay .. 'seen:' .. app .. ':' .. day .. ':' .. string.byte(id)
  if redis.call('SISMEMBER', seen, id) == 1 then return 0, 0 end
  local is_room, dropped = room(app, #body + RELAY_BESIDE)
  if not is_room then
    redis.call('HINCRBY', k.relay .. 'app:' .. app, 'left_out', 1)
    redis.call('HSET', k.relay .. 'app:' .. app, 'left_out_at', now)
    return -1, dropped
  end
  redis.call('SADD', seen, id)
  redis.call('PEXPIRE', seen, remember)
  redis.call('HSET', relay_item(k, app, id), 'line', line, 'body', body, 'message', message, 'kind', kind, 'at', now,
    'tries', 0)
  relay_weigh(k, app, #body + RELAY_BESIDE)
  relay_append(k, app, line, id, now, keep)
  return 1, dropped
end

for i = 5, #ARGV, 7 do
  answer[#answer + 1], answer[#answer + 2] = take(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4],
    ARGV[i + 5], ARGV[i + 6])
end
return answer
