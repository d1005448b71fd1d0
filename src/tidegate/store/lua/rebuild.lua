-- rebuild: write into the books what a node remembers of its sends and they do not have.
-- uses: keys, time, message, places, holders, shares, queue, names
-- promised
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV[1]  ms within which an outcome must be known
-- ARGV[2]  ms for which a message is remembered after it may be delivered
-- ARGV[3+] 12 a send: message id, attempt, recipient (16 bytes), number, place ('1' takes one, '0' went in an open
--          window, '' does not count), window's end, admitted (ms), place kept until (ms), about, state (sending,
--          accepted, unknown, failed, delivered), wamid, delivered (ms, 0 not known)
--
-- Returns now, then 1 a send that was missing, else 0. What the books know as well or better stays as it is, but for a
-- delivery that they were not told; a message that they have in the queue, without a word of this attempt, leaves it; and
-- a record that was left for an intent that may still come (of nobody: bury, cancel, settle) says nothing of one that did,
-- but what statuses told of it.
-- Running again changes nothing.
local k, now = keys_of(0), now_ms(KEYS[1])
local answer, DAY = { now }, 86400000

-- As `admit` and `refresh` would have it: a hold until the fate is known, or a day from the delivery.
local function write_place(id, recipient, place, window, admitted, ends, about, delivered, tried_twice)
  local function change(held)
    if delivered > 0 then
      local at = math.min(delivered, now + DAY)
      at = math.max(admitted, math.min(math.max(at, now), at + 999))
      if place ~= '1' and not (place == '0' and at >= window) then return end
      if not tried_twice then held.holds[id] = nil end
      held.counted = math.max(held.counted, at + DAY)
    elseif place == '1' and ends > now then
      held.holds[id] = { expected = math.max(held.counted, admitted + DAY), ends = ends }
    end
  end
  local held = place_load(k, recipient)
  -- Whose send took a place that both used nobody knows any more: it counts for each.
  share_change(k, about, recipient, { ends = 0 }, now, change)
  change(held)
  place_save(k, held, now)
end

local function rebuild(id, attempt, recipient, number, place, window, admitted, ends, about, state, wamid, delivered)
  local record = message_read(k, id, 'state', 'attempt', 'lane', 'recipient', 'history', 'counted',
    'doubt', 'tried', 'wamid')
  local queued = record[1] == 'queued'
  recipient = name_of(k, recipient)
  -- Its attempt's number says nothing here: whoever looks into the queue meanwhile counts on, and sends nothing.
  if record[1] and record[4] ~= '' and not (queued and tonumber(record[8] or 0) < tonumber(attempt)) then
    -- Who sent it knows more of it than its status could tell.
    if record[2] == '0' and not queued then message_set(k, id, 'attempt', attempt, 'about', about) end
    -- Meta tells of a delivery once, and may have told it just before.
    if delivered > 0 and not record[6] then
      message_set(k, id, 'counted', 1)
      write_place(id, recipient, place, window, admitted, ends, about, delivered, record[7])
    end
    return 0
  end
  if queued then
    lane_drop(k, id, record[3])
    redis.call('ZREM', k.deadlines, id)
    queued_for(k, record[4], id, false)
  end
  -- What statuses told of a record that was left stands: what they say was delivered was by now.
  if record[4] == '' and record[1] ~= 'failed' and record[1] ~= 'cancelled' then
    state, wamid = record[1], record[9] or wamid
    if record[6] and delivered == 0 then delivered = now end
  end
  if state ~= 'failed' or delivered > 0 then
    write_place(id, recipient, place, window, admitted, ends, about, delivered, false)
  end
  message_set(k, id, 'state', state, 'attempt', attempt, 'recipient', recipient, 'number', number,
    'place', place, 'window', digits(window), 'at', digits(admitted), 'about', about, 'tallies', '', 'wamid', wamid,
    'history', (record[5] or '') .. digits(admitted) .. ' sending\n' .. digits(now) .. ' ' .. state
      .. ' written down again after the store had lost it\n')
  if delivered > 0 then redis.call('HSET', k.message .. id, 'counted', 1) end
  redis.call('PEXPIRE', k.message .. id, digits(math.max(0, ends - now) + tonumber(ARGV[2])))
  if wamid ~= '' then redis.call('SET', wamid_key(k, wamid), id, 'PX', ARGV[2]) end
  if state == 'sending' or state == 'unknown' then redis.call('ZADD', k.inflight, now + tonumber(ARGV[1]), id) end
  return 1
end

local function n(i) return tonumber(ARGV[i]) end
for i = 3, #ARGV, 12 do
  answer[#answer + 1] = rebuild(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], n(i + 5), n(i + 6), n(i + 7),
    ARGV[i + 8], ARGV[i + 9], ARGV[i + 10], n(i + 11))
end
return answer
