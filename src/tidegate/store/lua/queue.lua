-- queue: what waits in each lane.
-- uses: keys, time
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    lanes (<number>:<category>)
--
-- Returns now, then 6 a lane: due or scheduled, waiting for a place, queued since when the oldest (ms, 0 = none),
-- due next (ms, 0 = none), reason of the first, its until (ms or '').
local k = keys_of(0)
local answer = { now_ms(k.clock) }
for _, lane in ipairs(ARGV) do
  local first = redis.call('ZRANGE', k.lane .. lane, 0, 0, 'WITHSCORES')
  local waiter = redis.call('ZRANGE', k.waiting .. lane, 0, 0, 'WITHSCORES')
  local head = waiter[1] or first[1]
  local record = head and redis.call('HMGET', k.message .. head, 'queued_at', 'reason', 'until') or {}
  local oldest = tonumber(record[1] or 0)
  if first[1] and waiter[1] then
    oldest = math.min(oldest, tonumber(redis.call('HGET', k.message .. first[1], 'queued_at') or oldest))
  end
  for _, value in ipairs({ redis.call('ZCARD', k.lane .. lane), redis.call('ZCARD', k.waiting .. lane), oldest,
    tonumber(first[2] or 0), record[2] or '', record[3] or '' }) do answer[#answer + 1] = value end
end
return answer
