-- survey: what a portfolio holds at this moment, in numbers, for whoever watches from outside.
-- uses: keys, time, places, holders
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV[1]  ms within which an outcome has to be known: what waits for longer is unknown
-- ARGV[2+] lanes (<number>:<category>)
--
-- Returns now, places used, messages of unknown outcome, then 2 a lane: messages in it, since when the first in line
-- waits (ms, 0 = nobody does). What was scheduled waits from its time on. Places that have ended are freed on the way, as
-- `claim` does it; running again changes nothing.
local k, now = keys_of(0), now_ms(KEYS[1])
local used = sweep(k, now, tonumber(redis.call('HGET', k.ledger, 'used') or 0), 0, 200)
local unknown = redis.call('ZCOUNT', k.inflight, '(' .. digits(now + tonumber(ARGV[1])), '+inf')
local answer = { now, used, unknown }

local function waits_since(lane, waiter)
  local since = tonumber(waiter[2] or 0)
  local first = redis.call('ZRANGE', k.lane .. lane, 0, 0, 'WITHSCORES')
  if not first[1] then return since end
  local record = redis.call('HMGET', k.message .. first[1], 'queued_at', 'reason')
  local own = tonumber(record[2] == 'scheduled' and first[2] or record[1] or now)
  if own > now then return since end
  return since == 0 and own or math.min(since, own)
end

for i = 2, #ARGV do
  local lane = ARGV[i]
  local waiter = redis.call('ZRANGE', k.waiting .. lane, 0, 0, 'WITHSCORES')
  answer[#answer + 1] = redis.call('ZCARD', k.lane .. lane) + redis.call('ZCARD', k.waiting .. lane)
  answer[#answer + 1] = waits_since(lane, waiter)
end
return answer
