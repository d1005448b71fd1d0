-- enqueue: keep a message in the send queue, new or given back by the attempt that has it.
-- uses: keys, time, places, shares, queue, paces, names
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 message id, 2 attempt that gives it back ('' = a new message), 3 lane (<number>:<category>),
--         4 recipient (16 bytes), 5 due (ms), 6 '1' when it needs a place, 7 deadline (ms), 8 body (sealed), 9 about,
--         10 reason, 11 until (ms or ''), 12 cause, 13 ms for which it is remembered after its deadline
--
-- Returns 1 when it is queued now, 0 when it was already, or is no longer this attempt's.
local k, now = keys_of(0), now_ms(KEYS[1])
local id, attempt, lane, recipient = ARGV[1], ARGV[2], ARGV[3], name_of(k, ARGV[4])
local record = redis.call('HMGET', k.message .. id, 'state', 'attempt', 'place', 'history', 'queued_at', 'tallies',
  'recipient', 'reason', 'doubt', 'about')
local state = record[1]

if attempt == '' then
  if state then return 0 end
else
  if record[2] ~= attempt or (state ~= 'queued' and state ~= 'sending') then return 0 end
  attempt = tonumber(attempt) + 1
end
if state == 'sending' then
  tallies_release(k, id, record[6] or '', false)
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
local due, needs_place = ARGV[5], ARGV[6] == '1'
if needs_place and place_load(k, recipient).ends > now then due, needs_place = digits(now), false end

-- That it waits on for the same reason is no event of its life: some wait for days, and are asked again and again.
local told = record[4] or ''
if state ~= 'queued' or record[8] ~= ARGV[10] then told = told .. digits(now) .. ' queued ' .. ARGV[12] .. '\n' end

local since = record[5] or now
redis.call('HSET', k.message .. id, 'state', 'queued', 'attempt', attempt == '' and 0 or attempt, 'recipient', recipient,
  'lane', lane, 'queued_at', since, 'due', due, 'expires', ARGV[7], 'body', ARGV[8], 'about', ARGV[9],
  'reason', ARGV[10], 'until', ARGV[11], 'given', 1,
  'history', told)
redis.call('PEXPIRE', k.message .. id, digits(math.max(0, tonumber(ARGV[7]) - now) + tonumber(ARGV[13])))
redis.call('ZREM', k.inflight, id)
lane_drop(k, id, lane)
lane_put(k, id, lane, due, needs_place, since)
redis.call('ZADD', k.deadlines, ARGV[7], id)
if record[7] and record[7] ~= recipient then queued_for(k, record[7], id, false) end
queued_for(k, recipient, id, true)
return 1
