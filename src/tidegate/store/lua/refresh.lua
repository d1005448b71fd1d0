-- refresh: apply Meta's status webhooks to the messages and the places they hold.
-- uses: keys, time, places, shares, queue, paces, names
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a message is remembered once it was delivered or failed
-- ARGV[2+] 10 a status: portfolio, message id, status, its rank, ranks by state as "state=rank ...", Meta's time (ms),
--          cause, what it says of the place (counts: a delivery; frees: proven undelivered; keeps), wamid, what Meta
--          bills for it (millionths, -1 unknown)
--
-- Returns now, then 6 values a status: 1 if the state changed, 1 if a place came free; where the state changed, or was
-- this one already, what it was before, about, recipient and the time of its admission (ms), else '' thrice and 0; of a
-- delivery that is told late all but what it was before. -1 for the first: no such message. Tallies of money ("spend:") follow the bill; what failed gives back what it took, and what was delivered
-- after all takes it again.
-- A state never goes back, and a repeated status changes nothing. Of a message that was tried twice a status speaks of
-- one try: its place is held for the other one, until it ends by itself.
local now = now_ms(KEYS[1])
local DAY, answer = 86400000, { now }

local function apply_to_place(k, id, record, at, says)
  local place_kind, window, admitted = record[3], tonumber(record[4] or 0), tonumber(record[5] or 0)
  -- Meta's time is cut to whole seconds: the delivery was within that second, not after now, nor before its send. A
  -- time ahead of ours is believed, but for no more than a day: nobody's clock may take a place for good.
  at = math.min(at, now + DAY)
  local delivered = math.max(admitted, math.min(math.max(at, now), at + 999))
  local late = place_kind == '0' and says == 'counts' and delivered >= window
  if place_kind ~= '1' and not late then return 0 end
  local tried_twice = record[12] and record[1] ~= 'queued'
  if tried_twice and says ~= 'counts' then return 0 end
  local function change(place)
    if says == 'counts' then
      if not tried_twice then place.holds[id] = nil end
      place.counted = math.max(place.counted, delivered + DAY)
    elseif says == 'frees' then
      place.holds[id] = nil
    elseif place.holds[id] then
      place.holds[id].ends = place.holds[id].expected
    end
  end
  local recipient = name_of(k, record[2])
  local place = place_load(k, recipient)
  share_change(k, record[9], recipient, place, now, change)
  change(place)
  return place_save(k, place, now) < 0 and 1 or 0
end

-- What shows that a number's statuses come: that of a message which was sent later than others that wait for theirs.
local function hear(k, number, admitted)
  if not number or not admitted then return end
  if tonumber(redis.call('HGET', k.heard, number) or 0) < tonumber(admitted) then
    redis.call('HSET', k.heard, number, admitted)
  end
end

local function refresh(portfolio, id, status, rank, ranks, at, cause, says, wamid, billed)
  local k = keys_of(portfolio)
  local record = redis.call('HMGET', k.message .. id, 'state', 'recipient', 'place', 'window', 'at', 'history', 'counted',
    'lane', 'about', 'tallies', 'number', 'doubt')
  local state = record[1]
  if not state then return -1, 0, '', '', '', 0 end
  local rank_now = tonumber(string.match(' ' .. ranks, ' ' .. state .. '=(%d+)') or 0)
  hear(k, record[11], record[5])
  redis.call('ZREM', k.inflight, id)
  redis.call('SET', wamid_key(k, wamid), id, 'PX', ARGV[1])
  -- The place follows the first proof of delivery; a failure counts only while nothing was delivered.
  local freed, noted = 0, record[10] or ''
  if says == 'counts' and (not record[7] or record[12]) then
    redis.call('HSET', k.message .. id, 'counted', 1)
    freed = apply_to_place(k, id, record, at, says)
    noted = tallies_retake(k, id, noted)
  elseif says ~= 'counts' and status == 'failed' and rank > rank_now then
    freed = apply_to_place(k, id, record, at, says)
    noted = tallies_release(k, id, noted, says ~= 'frees')
  end
  if billed >= 0 and status ~= 'failed' then tallies_bill(k, id, noted, billed) end
  local function told(changed, before)
    return changed, freed, before, record[9] or '', name_of(k, record[2]), tonumber(record[5] or 0)
  end
  if state == status then return told(0, state) end
  if rank <= rank_now then
    -- When it was delivered is news, though it was read by then.
    if status == 'delivered' then return told(0, '') end
    return 0, freed, '', '', '', 0
  end
  if state == 'queued' then
    -- An attempt that was taken for unsent was sent after all: it must not be sent again.
    lane_drop(k, id, record[8])
    redis.call('ZREM', k.deadlines, id)
    queued_for(k, record[2], id, false)
    redis.call('HDEL', k.message .. id, 'doubt')
  end
  redis.call('HSET', k.message .. id, 'state', status, 'wamid', wamid, 'reason', '',
    'history', record[6] .. digits(now) .. ' ' .. status .. ' ' .. cause .. '\n')
  redis.call('HDEL', k.message .. id, 'body')
  -- What was delivered has no more to say of its place.
  if status ~= 'sent' then redis.call('PEXPIRE', k.message .. id, ARGV[1]) end
  return told(1, state)
end

for i = 2, #ARGV, 10 do
  local seen = { refresh(tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4],
    tonumber(ARGV[i + 5]), ARGV[i + 6], ARGV[i + 7], ARGV[i + 8], tonumber(ARGV[i + 9])) }
  for _, value in ipairs(seen) do answer[#answer + 1] = value end
end
return answer
