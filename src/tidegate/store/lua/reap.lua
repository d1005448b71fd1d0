-- reap: end what has run out of time: leases, deadlines of queued messages, outcomes that never came.
-- uses: keys, time, places, queue
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 most to handle of each kind
--
-- Returns now, then 3 a message: what it became (expired, unknown, requeued), id, about. A claim that lapsed before
-- its intent goes back to its lane; one that lapsed after it is unknown and is never sent again.
local k, now = keys_of(0), now_ms(KEYS[1])
local answer = { now }

local function due(key) return redis.call('ZRANGEBYSCORE', key, '-inf', digits(now), 'LIMIT', 0, ARGV[1]) end

local function tell(became, id, record)
  answer[#answer + 1] = became
  answer[#answer + 1] = id
  answer[#answer + 1] = record[4] or ''
end

local function become(id, record, state, cause, reason)
  redis.call('HSET', k.message .. id, 'state', state, 'reason', reason,
    'history', (record[5] or '') .. digits(now) .. ' ' .. state .. ' ' .. cause .. '\n')
end

local function read(id) return redis.call('HMGET', k.message .. id, 'state', 'recipient', 'lane', 'about', 'history') end

for _, id in ipairs(due(k.deadlines)) do
  local record = read(id)
  redis.call('ZREM', k.deadlines, id)
  if record[1] == 'queued' then
    lane_drop(k, id, record[3])
    queued_for(k, record[2], id, false)
    become(id, record, 'expired', 'its deadline passed while it was queued', 'expired')
    redis.call('HDEL', k.message .. id, 'body')
    tell('expired', id, record)
  end
end
for _, id in ipairs(due(k.leases)) do
  local record = read(id)
  redis.call('ZREM', k.leases, id)
  if record[1] == 'queued' then
    redis.call('HINCRBY', k.message .. id, 'attempt', 1)
    redis.call('ZADD', k.lane .. record[3], now, id)
    tell('requeued', id, record)
  end
end
for _, id in ipairs(due(k.inflight)) do
  local record = read(id)
  redis.call('ZREM', k.inflight, id)
  if record[1] == 'sending' then
    become(id, record, 'unknown', 'no outcome came: it may have been sent', 'outcome_unknown')
    tell('unknown', id, record)
  end
end
sweep(k, now, 0, 0, 200)
return answer
