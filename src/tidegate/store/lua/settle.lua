-- settle: write down how the POST of a message ended; for all that ended since the last call.
-- uses: keys, time, places, shares, queue, paces, doubts, reports
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a wamid is remembered
-- ARGV[2]  ms after which a message that is still unknown is told of as unresolved
-- ARGV[3]  ms for which the intent of a message that is proven unsent may still come
-- ARGV[4+] 7 a message: portfolio, message id, attempt, state (accepted, failed, unknown), cause, wamid or '',
--          1 to give its place back (proven that nobody was messaged)
--
-- Returns now, then 1 for each that gave a place back, else 0. A message that another attempt owns, or whose status
-- webhook came first, keeps its state; running again changes nothing. One that is proven unsent and has no record has
-- an intent that was not answered, and that may still come: a record is left for it to find, so that it takes nothing.
-- One that is in line for a further try is taken out of it by late word that Meta took the first.
local now = now_ms(KEYS[1])
local answer = { now }

local function leave_tombstone(k, id, attempt, cause)
  redis.call('HSET', k.message .. id, 'state', 'failed', 'attempt', attempt, 'recipient', '', 'answered', 1,
    'history', digits(now) .. ' failed ' .. cause .. '\n')
  redis.call('PEXPIRE', k.message .. id, ARGV[3])
end

local function taken_after_all(k, id, record, cause, wamid)
  lane_drop(k, id, record[9])
  redis.call('ZREM', k.deadlines, id)
  queued_for(k, record[3], id, false)
  redis.call('HDEL', k.message .. id, 'body', 'doubt')
  redis.call('HSET', k.message .. id, 'state', 'accepted', 'reason', '', 'wamid', wamid,
    'history', record[5] .. digits(now) .. ' accepted ' .. cause .. '\n')
  redis.call('SET', wamid_key(k, wamid), id, 'PX', ARGV[1])
end

local function settle(portfolio, id, attempt, state, cause, wamid, release)
  local k = keys_of(portfolio)
  local record = redis.call('HMGET', k.message .. id, 'state', 'attempt', 'recipient', 'place', 'history', 'tallies',
    'doubt', 'about', 'lane', 'given')
  if not record[1] then
    if release == '1' then leave_tombstone(k, id, attempt, cause) end
    return 0
  end
  if record[2] ~= attempt then
    if record[7] and record[1] == 'queued' and state == 'accepted' then taken_after_all(k, id, record, cause, wamid) end
    return 0
  end
  if wamid ~= '' then
    redis.call('HSET', k.message .. id, 'wamid', wamid)
    redis.call('SET', wamid_key(k, wamid), id, 'PX', ARGV[1])
  end
  -- Under which id its sender knows it: Meta's, or ours where there was no answer of Meta's to give.
  if state == 'unknown' then redis.call('HSET', k.message .. id, 'given', 1) end
  if record[1] ~= 'sending' and record[1] ~= 'unknown' then
    -- Its status came first.
    redis.call('HSET', k.message .. id, 'answered', 1)
    return 0
  end
  -- That this try was not taken proves nothing of the one before it.
  local in_doubt = state == 'failed' and record[7]
  if in_doubt then
    if record[1] == 'sending' then park(k, id, record[5], cause, now, now) end
  elseif state == 'unknown' then
    if record[1] == 'sending' then park(k, id, record[5], cause, now, now + tonumber(ARGV[2])) end
  else
    redis.call('HSET', k.message .. id, 'state', state, 'reason', '', 'answered', 1,
      'history', record[5] .. digits(now) .. ' ' .. state .. ' ' .. cause .. '\n')
    redis.call('ZREM', k.inflight, id)
    -- Whoever has Meta's own refusal needs no report of it.
    if state == 'failed' and record[10] then report_end(k, id, record[8], now) end
  end
  if state ~= 'unknown' or record[7] or not wants_another_try(record[8]) then
    redis.call('HDEL', k.message .. id, 'body')
  end
  if release == '1' then tallies_release(k, id, record[6] or '', false) end
  if release ~= '1' or record[4] ~= '1' or in_doubt then return 0 end
  local place = place_load(k, record[3])
  place.holds[id] = nil
  share_change(k, record[8], record[3], place, now, function(own) own.holds[id] = nil end)
  return place_save(k, place, now) < 0 and 1 or 0
end

for i = 4, #ARGV, 7 do
  answer[#answer + 1] = settle(tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5],
    ARGV[i + 6])
end
return answer
