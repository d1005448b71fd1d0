-- admit: take everything that a send needs, or nothing; for all sends of the moment in one call.
-- uses: keys, time, places, queue
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms within which an outcome must be known
-- ARGV[2]  ms for which a message is remembered after it may be delivered
-- ARGV[3+] 16 a send: portfolio (0 = first block), message id, attempt, epoch of the decision, recipient (16 bytes),
--          number, flags (1 dry run, 2 needs an open window, 4 counts; 8, 16: the pair's, the number's turns are counted
--          but not waited for), places (-1 no limit), hold ms, window margin ms, pair emission ms, pair tolerance ms,
--          throughput emission us, throughput tolerance us, deadline (ms), about (text)
--
-- Returns now, then 9 integers a send: taken, epoch, gone (1 not this attempt's any more, 2 past its deadline),
-- repeated, window end, counted, used, pair turn, throughput turn (ms). An epoch other than the one given: nothing was
-- taken. A denied send changes nothing. Run again with the same message and attempt it changes nothing and answers
-- `repeated`.
local now = now_ms(KEYS[1])
local outcome_ms, remember_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local swept, answer = {}, { now }

local function admit(portfolio, id, attempt, epoch, recipient, number, flags, places, hold_ms, margin_ms,
                     pair_emission, pair_tolerance, emission_us, tolerance_us, deadline, about)
  local k = keys_of(portfolio)
  local dry, needs_window, counts = flags % 2 == 1, flags % 4 >= 2, flags % 8 >= 4
  local pair_shadow, turn_shadow = flags % 16 >= 8, flags >= 16

  -- Is it still this attempt's to send?
  local record = redis.call('HMGET', k.message .. id, 'state', 'attempt', 'history', 'lane')
  local state = record[1]
  if state == 'sending' and record[2] == attempt and not dry then return 1, epoch, 0, 1, 0, 0, 0, 0, 0 end
  if state and not dry and not (state == 'queued' and record[2] == attempt) then return 0, epoch, 1, 0, 0, 0, 0, 0, 0 end
  if now >= deadline then return 0, epoch, 2, 0, 0, 0, 0, 0, 0 end

  -- Is the decision still made under today's standing?
  local books = redis.call('HMGET', k.ledger, 'epoch', 'used', 'tat:' .. number)
  local epoch_now, used = tonumber(books[1] or 0), tonumber(books[2] or 0)
  if epoch_now ~= epoch then return 0, epoch_now, 0, 0, 0, 0, used, 0, 0 end

  -- The recipient's service window and the pair's next turn.
  local pair_key = k.pair .. number .. ':' .. recipient
  local window, pair_tat = 0, 0
  local pair = redis.call('GET', pair_key)
  if pair then
    local a, b = string.match(pair, '^(%d+) (%d+)$')
    window, pair_tat = tonumber(a), tonumber(b)
  end
  local open = window - margin_ms > now
  local pair_at = pair_tat - pair_tolerance

  -- The number's next turn.
  local tat = tonumber(books[3] or 0)
  local turn_at = math.ceil(tat - tolerance_us / 1000)

  -- A place, unless the recipient holds one; places whose end has come are freed first.
  local place, counted = nil, 0
  if counts and not open then
    if places >= 0 then used = sweep(k, now, used, places, 100000) end
    if dry then used = sweep(k, now, used, 0, 1000) end
    if not swept[portfolio] then used = sweep(k, now, used, 0, 1) swept[portfolio] = true end
    place = place_load(k, recipient)
    if place.ends > now then counted = 1 end
  end

  local seen = used
  local denied = (needs_window and not open)
    or (place and counted == 0 and places >= 0 and used >= places)
    or ((pair_emission > 0 and pair_at > now) and not pair_shadow)
    or ((emission_us > 0 and turn_at > now) and not turn_shadow)
  if denied or dry then return denied and 0 or 1, epoch, 0, 0, window, counted, seen, pair_at, turn_at end

  -- All is there: take it.
  if place then
    place.holds[id] = { expected = now + 86400000, ends = now + hold_ms }
    place_save(k, place, now)
    if counted == 0 then wake_queued(k, recipient, now) end
  end
  if pair_emission > 0 then
    pair_tat = math.max(pair_tat, now) + pair_emission
    -- Where nobody waits for it, debt must not grow for ever.
    if pair_shadow then pair_tat = math.min(pair_tat, now + pair_tolerance + pair_emission) end
    redis.call('SET', pair_key, digits(window) .. ' ' .. digits(pair_tat), 'PX', math.max(window, pair_tat) - now + 1000)
  end
  if emission_us > 0 then
    local turn = math.max(tat, now) + emission_us / 1000
    if turn_shadow then turn = math.min(turn, now + (tolerance_us + emission_us) / 1000) end
    redis.call('HSET', k.ledger, 'tat:' .. number, string.format('%.3f', turn))
  end

  -- The intent, before the first byte leaves.
  redis.call('HSET', k.message .. id, 'state', 'sending', 'attempt', attempt, 'recipient', recipient, 'number', number,
    'place', place and '1' or (counts and '0' or ''), 'window', window, 'at', now, 'about', about,
    'history', (record[3] or '') .. digits(now) .. ' sending\n')
  -- One that needed no place may still be delivered when its window has closed: it is known for as long.
  redis.call('PEXPIRE', k.message .. id, digits((counts and hold_ms or 0) + remember_ms))
  redis.call('ZADD', k.inflight, now + outcome_ms, id)
  if state == 'queued' then
    lane_drop(k, id, record[4])
    redis.call('ZREM', k.deadlines, id)
    queued_for(k, recipient, id, false)
  end
  return 1, epoch, 0, 0, window, counted, seen, pair_at, turn_at
end

for i = 3, #ARGV, 16 do
  local n = function(j) return tonumber(ARGV[i + j]) end
  local facts = { admit(n(0), ARGV[i + 1], ARGV[i + 2], n(3), ARGV[i + 4], ARGV[i + 5], n(6), n(7), n(8), n(9), n(10),
    n(11), n(12), n(13), n(14), ARGV[i + 15]) }
  for _, fact in ipairs(facts) do answer[#answer + 1] = fact end
end
return answer
