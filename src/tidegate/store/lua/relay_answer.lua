-- relay_answer: write down how the app took what was claimed for it.
-- uses: keys, time, message, relay
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV[1]  ms for which the dead are kept
-- ARGV[2+] 9 an item: app, id, line, fence, outcome (delivered; failed; later: not tried; dead: it never will be),
--          error, ms until its line is tried again, ms for which the app is left alone (0: not), failures in a row of
--          the app when it was claimed: what fails together counts once
--
-- Returns now, then 1 for each that was written down. What was delivered is done with, whoever delivered it; of any
-- other outcome only the holder of the lease has a word. Running again changes nothing.
local k, now = keys_of(0), now_ms(KEYS[1])
local answer = { now }

local function delivered(app, id, line, fence, is_mine)
  redis.call('HDEL', k.relay .. 'app:' .. app, 'failures', 'held_until')
  redis.call('HSET', k.relay .. 'app:' .. app, 'delivered_at', now)
  local was_there = relay_remove(k, app, line, id)
  if was_there then relay_forget(k, app, id) end
  if is_mine then redis.call('ZADD', k.relay .. 'due:' .. app, 'XX', relay_digits(now), line) end
  return was_there and 1 or 0
end

local function failed(app, id, line, cause, wait, hold, before)
  local state = k.relay .. 'app:' .. app
  if redis.call('EXISTS', relay_item(k, app, id)) == 1 then
    redis.call('HINCRBY', relay_item(k, app, id), 'tries', 1)
    redis.call('HSET', relay_item(k, app, id), 'error', cause)
  end
  local failures = math.max(before + 1, tonumber(redis.call('HGET', state, 'failures') or 0))
  redis.call('HSET', state, 'failures', failures, 'error', cause, 'error_at', now)
  if hold > 0 then redis.call('HSET', state, 'held_until', relay_digits(now + hold)) end
  redis.call('ZADD', k.relay .. 'due:' .. app, 'XX', relay_digits(now + wait), line)
end

local function write(app, id, line, fence, outcome, cause, wait, hold, before)
  local is_mine = tonumber(redis.call('ZSCORE', k.relay .. 'due:' .. app, line) or 0) == tonumber(fence)
  if outcome == 'delivered' then return delivered(app, id, line, fence, is_mine) end
  if not is_mine then return 0 end
  if outcome == 'failed' then
    failed(app, id, line, cause, wait, hold, before)
  elseif outcome == 'dead' then
    relay_bury(k, app, line, id, now, ARGV[1], cause)
    redis.call('ZADD', k.relay .. 'due:' .. app, 'XX', relay_digits(now), line)
  else
    redis.call('HDEL', k.relay .. 'app:' .. app, 'held_until')
    redis.call('ZADD', k.relay .. 'due:' .. app, 'XX', relay_digits(now + wait), line)
  end
  return 1
end

for i = 2, #ARGV, 9 do
  answer[#answer + 1] = write(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5],
    tonumber(ARGV[i + 6]), tonumber(ARGV[i + 7]), tonumber(ARGV[i + 8]))
end
return answer
