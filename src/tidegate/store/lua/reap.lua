-- reap: end what has run out of time: leases, deadlines of queued messages, outcomes that never came.
-- uses: keys, time, message, places, holders, shares, queue, overdue, doubts, reports
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 most messages to handle of each kind, 2 ms after which one that is still unknown is told of as unresolved,
--         3 ms within which an outcome must be known, 4 most places to free
--
-- Returns now; 1 where more may have run out of time, for a further call, else 0; then 3 a message: what it became
-- (expired, unknown, requeued, unresolved, tried_again), id, about. A claim that lapsed before its intent goes back to its
-- lane. One that lapsed after it is unknown, and stays so until its status tells. It is sent again only where the caller
-- asked for that, once, before its deadline, and while statuses of messages that its number sent later do come.
local k, now, most = keys_of(0), now_ms(KEYS[1]), ARGV[1] + 0
local answer = { now, 0 }

local function due(key)
  local ids = redis.call('ZRANGEBYSCORE', key, '-inf', digits(now), 'LIMIT', 0, most)
  if #ids == most then answer[2] = 1 end
  return ids
end

local function tell(became, id, record)
  answer[#answer + 1] = became
  answer[#answer + 1] = id
  answer[#answer + 1] = record[4] or ''
end

local function become(id, record, state, cause, reason)
  message_set(k, id, 'state', state, 'reason', reason,
    'history', (record[5] or '') .. digits(now) .. ' ' .. state .. ' ' .. cause .. '\n')
end

local function read(id)
  return message_read(k, id, 'state', 'recipient', 'lane', 'about', 'history', 'doubt', 'number', 'at',
    'expires')
end

local function is_worth_another_try(record)
  if record[6] or not wants_another_try(record[4]) or tonumber(record[9] or 0) <= now then return false end
  return tonumber(redis.call('HGET', k.heard, record[7]) or 0) > tonumber(record[8])
end

-- The place that its first try may have used stays held.
local function try_again(id, record)
  local lane = record[7] .. ':' .. cjson.decode(record[4]).category
  become(id, record, 'queued', 'no status came while others did: it is tried once more', 'outcome_unknown')
  message_unpack(k, id)
  local tried = redis.call('HINCRBY', k.message .. id, 'attempt', 1) - 1
  redis.call('HSET', k.message .. id, 'doubt', 1, 'tried', tried, 'lane', lane, 'queued_at', now, 'due', now, 'until', '')
  lane_put(k, id, lane, now, false, now)
  redis.call('ZADD', k.deadlines, record[9], id)
  queued_for(k, record[2], id, true)
end

for _, id in ipairs(due(k.deadlines)) do
  local record = read(id)
  redis.call('ZREM', k.deadlines, id)
  if record[1] == 'queued' then
    lane_drop(k, id, record[3])
    queued_for(k, record[2], id, false)
    redis.call('HDEL', k.message .. id, 'body')
    if record[6] then
      park(k, id, record[5], 'its deadline passed before it could be tried again', now, now)
    else
      become(id, record, 'expired', 'its deadline passed while it was queued', 'expired')
      report_end(k, id, record[4], now)
      tell('expired', id, record)
    end
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

local function give_up(id, record)
  park(k, id, record[5], 'no outcome came: it may have been sent', now, now + tonumber(ARGV[2]))
  if record[6] or not wants_another_try(record[4]) then message_drop(k, id, 'body') end
  tell('unknown', id, record)
end

-- Of those that were admitted in one ms most may have ended since then.
local looked_at = 0
for _, admitted in ipairs(intents_overdue(k, now - ARGV[3])) do
  local ids, rest = redis.call('HGET', k.ledger, admitted), nil
  for at, id in string.gmatch(ids, '()(%S+)') do
    if looked_at == most then
      rest = string.sub(ids, at)
      break
    end
    local record = read(id)
    looked_at = looked_at + 1
    if record[1] == 'sending' then give_up(id, record) end
  end
  if rest then
    redis.call('HSET', k.ledger, admitted, rest)
    answer[2] = 1
    break
  end
  redis.call('HDEL', k.ledger, admitted, admitted .. ' left')
end
for _, id in ipairs(due(k.inflight)) do
  local record = read(id)
  redis.call('ZREM', k.inflight, id)
  if record[1] == 'sending' then give_up(id, record)
  elseif record[1] == 'unknown' and is_worth_another_try(record) then
    try_again(id, record)
    tell('tried_again', id, record)
  elseif record[1] == 'unknown' then
    become(id, record, 'unknown', 'unresolved: no status came, which may still come', 'outcome_unknown')
    redis.call('HSET', k.message .. id, 'unresolved_at', now)
    redis.call('HDEL', k.message .. id, 'body')
    tell('unresolved', id, record)
  end
end

local to_free = ARGV[4] + 0
local function free(book)
  local used = used_of(book)
  to_free = to_free - used + sweep(book, now, used, 0, to_free)
  if redis.call('ZCOUNT', book.calendar, '-inf', digits(now)) > 0 then answer[2] = 1 end
end
free(k)
for _, book in ipairs(share_books(k)) do free(book) end
return answer
