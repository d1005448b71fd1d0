-- enqueue: keep messages in the send queue, new or given back by the attempts that have them; all of the moment in one call.
-- uses: keys, time, message, places, holders, shares, queue, paces, names, intents
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a message is remembered after its deadline
-- ARGV[2+] 14 a message: portfolio (0 = first block), message id, attempt that gives it back ('' = a new message), lane
--          (<number>:<category>), recipient (16 bytes), due (ms), '1' when it needs a place, deadline (ms), body (sealed),
--          about, reason, until (ms or ''), cause, epoch of the standing that holds it ('' = nothing that it says does)
--
-- Returns now, then of each 1 when it is queued now, 0 when it was already, or is no longer this attempt's.
local now = now_ms(KEYS[1])
local remember_ms = tonumber(ARGV[1])
local answer, looks, before = { now }, {}, {}

-- Most are new messages to users of whom nothing is known.
for i = 2, #ARGV, 14 do
  local k = keys_of(tonumber(ARGV[i]))
  looks[#looks + 1], looks[#looks + 2] = k.message .. ARGV[i + 1], k.user .. ARGV[i + 4]
end
local is_any_known = redis.call('EXISTS', unpack(looks)) > 0

local function enqueue(k, id, attempt, lane, recipient, due, needs_place, deadline, body, about, reason, until_ms, cause,
  epoch)
  local record = {}
  if is_any_known then recipient = name_of(k, recipient) end
  if is_any_known or before[k.message .. id] then
    record = message_read(k, id, 'state', 'attempt', 'place', 'history', 'queued_at', 'tallies',
      'recipient', 'reason', 'doubt', 'about', 'at')
  end
  before[k.message .. id] = true
  local state = record[1]

  if attempt == '' then
    if state then return 0 end
  else
    if record[2] ~= attempt or (state ~= 'queued' and state ~= 'sending') then return 0 end
    attempt = tonumber(attempt) + 1
  end
  if state == 'sending' then
    message_unpack(k, id)
    tallies_release(k, id, record[6] or '', false)
    intent_end(k, record[11], id)
    -- What a node remembers of it is known here (rebuild).
    redis.call('HSET', k.message .. id, 'tried', record[2])
  end
  -- The place of a message that was tried before is held for that try.
  if state == 'sending' and record[3] == '1' and not record[9] then
    local place = place_load(k, record[7])
    place.holds[id] = nil
    share_change(k, record[10], record[7], place, now, function(own) own.holds[id] = nil end)
    place_save(k, place, now)
  end

  -- Whoever got a place since it was asked for needs none any more.
  if needs_place and place_load(k, recipient).ends > now then due, needs_place = digits(now), false end

  -- What holds it may be over since it was asked for: whoever looked for those that may go (rouse) did not find it here.
  if epoch ~= '' and epoch ~= (redis.call('HGET', k.ledger, 'epoch') or '0') then due = digits(now) end

  -- That it waits on for the same reason is no event of its life: some wait for days, and are asked again and again.
  local told = record[4] or ''
  if state ~= 'queued' or record[8] ~= reason then told = told .. digits(now) .. ' queued ' .. cause .. '\n' end

  local since = record[5] or now
  redis.call('HSET', k.message .. id, 'state', 'queued', 'attempt', attempt == '' and 0 or attempt, 'recipient', recipient,
    'lane', lane, 'queued_at', since, 'due', due, 'expires', deadline, 'body', body, 'about', about,
    'reason', reason, 'until', until_ms, 'given', 1, 'history', told)
  redis.call('PEXPIRE', k.message .. id, digits(math.max(0, tonumber(deadline) - now) + remember_ms))
  if state then
    redis.call('ZREM', k.inflight, id)
    lane_drop(k, id, lane)
  end
  lane_put(k, id, lane, due, needs_place, since)
  redis.call('ZADD', k.deadlines, deadline, id)
  if record[7] and record[7] ~= recipient then queued_for(k, record[7], id, false) end
  queued_for(k, recipient, id, true)
  return 1
end

for i = 2, #ARGV, 14 do
  answer[#answer + 1] = enqueue(keys_of(tonumber(ARGV[i])), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4],
    ARGV[i + 5], ARGV[i + 6] == '1', ARGV[i + 7], ARGV[i + 8], ARGV[i + 9], ARGV[i + 10], ARGV[i + 11], ARGV[i + 12],
    ARGV[i + 13])
end
return answer
