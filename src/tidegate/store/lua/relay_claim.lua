-- relay_claim: lease what is due for an app, the first of each line; bury what has waited for too long.
-- uses: keys, time, message, relay
--
-- KEYS  one portfolio's block (store/keys.py)
-- ARGV  1 app, 2 most lines to claim, 3 lease (ms), 4 ms after which what waits is dead, 5 ms for which the dead are kept,
--       6 failures in a row from which on one line at a time is tried
--
-- Returns now, when there will be more (ms, 0 = nobody knows), failures in a row, how many were buried, then 8 an item:
-- id, line, fence, body, when it was taken (ms), tries, message or '', and what its sender was given as the message's
-- id: 'gateway', 'wamid', or '' while that is open. The fence is the end of the lease.
local k, now = keys_of(0), now_ms(KEYS[1])
local app, most, lease, dead_after = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local due, order, dead, state = k.relay .. 'due:' .. app, k.relay .. 'order:' .. app, k.relay .. 'dead:' .. app,
  k.relay .. 'app:' .. app

local buried = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', order, '-inf', relay_digits(now - dead_after), 'LIMIT', 0, 100)) do
  local item = redis.call('HMGET', relay_item(k, app, id), 'line', 'error')
  if relay_bury(k, app, item[1] or '', id, now, ARGV[5], item[2] or 'it waited for too long') then buried = buried + 1 end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', dead, '-inf', relay_digits(now - tonumber(ARGV[5])), 'LIMIT', 0, 100)) do
  redis.call('ZREM', dead, id)
  relay_forget(k, app, id)
end

local held = redis.call('HMGET', state, 'failures', 'held_until')
local failures, held_until = tonumber(held[1] or 0), tonumber(held[2] or 0)
if held_until > now then return { now, held_until, failures, buried } end
-- Of an app that is down one line at a time is tried, by one node.
if failures >= tonumber(ARGV[6]) then most = math.min(most, 1) end

local answer = { now, 0, failures, buried }
for _, line in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', relay_digits(now), 'LIMIT', 0, most)) do
  local id = redis.call('LINDEX', k.relay .. 'line:' .. app .. ':' .. line, 0)
  local item = id and redis.call('HMGET', relay_item(k, app, id), 'body', 'at', 'tries', 'message') or {}
  if item[1] then
    redis.call('ZADD', due, relay_digits(now + lease), line)
    for _, value in ipairs({ id, line, relay_digits(now + lease), item[1], item[2], item[3], item[4], relay_given(k, item[4]) }) do
      answer[#answer + 1] = value
    end
  else
    relay_remove(k, app, line, id or '')
  end
end
if #answer > 4 and failures >= tonumber(ARGV[6]) then
  redis.call('HSET', state, 'held_until', relay_digits(now + lease))
end
answer[2] = tonumber(redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2] or 0)
return answer
