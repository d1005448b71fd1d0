-- admit: take everything that a send needs, or nothing; for all sends of the moment in one call.
-- uses: keys, time, places, shares, queue, paces
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms within which an outcome must be known
-- ARGV[2]  ms for which a message is remembered after it may be delivered
-- ARGV[3+] 23 a send: portfolio (0 = first block), message id, attempt, epoch of the decision, recipient (16 bytes),
--          number, flags (1 dry run, 2 needs an open window, 4 counts; 8, 16: the pair's, the number's turns are counted
--          but not waited for), places (-1 no limit), hold ms, window margin ms, pair emission ms, pair tolerance ms,
--          throughput emission us, throughput tolerance us, deadline (ms), about (text), time from which the decision
--          does not hold (ms, 0 none), version of the user's record that it rests on (0: there is none), that record as
--          it is to be once the send is taken ('' = as it is), when that may be forgotten (ms, 0 never), further turns
--          and tallies as JSON lists ('' = none; their forms: _paces.lua), what a further try would need (sealed, '' none)
--
-- Returns now, then 13 values a send: taken, epoch, gone (1 not this attempt's any more, 2 past its deadline, 3 the
-- user's record is another one, 4 the decision holds no longer), repeated, window end, counted, used, pair turn,
-- throughput turn (ms); version of the user's record, and that record where the version is another; the turns' times
-- and what the tallies stand at, separated by spaces. An epoch other than the one given: nothing was taken. A denied
-- send changes nothing. Run again with the same message and attempt it changes nothing and answers `repeated`.
local now = now_ms(KEYS[1])
local outcome_ms, remember_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local swept, answer = {}, { now }

local function admit(portfolio, id, attempt, epoch, recipient, number, flags, places, hold_ms, margin_ms,
                     pair_emission, pair_tolerance, emission_us, tolerance_us, deadline, about, valid_until, user_version,
                     user_record, user_expires, turns, tallies, body)
  local k = keys_of(portfolio)
  local dry, needs_window, counts = flags % 2 == 1, flags % 4 >= 2, flags % 8 >= 4
  local pair_shadow, turn_shadow = flags % 16 >= 8, flags >= 16

  -- Is it still this attempt's to send?
  local record = redis.call('HMGET', k.message .. id, 'state', 'attempt', 'history', 'lane', 'recipient')
  local state = record[1]
  if state == 'sending' and record[2] == attempt and not dry then return { 1, epoch, 0, 1 } end
  if state and not dry and not (state == 'queued' and record[2] == attempt) then return { 0, epoch, 1 } end
  if now >= deadline then return { 0, epoch, 2 } end

  -- Is the decision still made under today's standing?
  local books = redis.call('HMGET', k.ledger, 'epoch', 'used', 'tat:' .. number)
  local epoch_now, used = tonumber(books[1] or 0), tonumber(books[2] or 0)
  if epoch_now ~= epoch then return { 0, epoch_now, 0, 0, 0, 0, used } end
  if valid_until > 0 and now >= valid_until then return { 0, epoch, 4 } end

  -- Does it rest on what is known of the user today?
  local user = redis.call('HMGET', k.user .. recipient, 'v', 'r')
  local version = tonumber(user[1] or 0)
  if version ~= user_version then return { 0, epoch, 3, 0, 0, 0, used, 0, 0, version, user[2] or '' } end

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

  -- Further paces and allowances.
  local is_new = place ~= nil and counted == 0
  local times, come = turns_look(k, turns, now)
  local stands, costs, room = tallies_look(k, tallies, is_new, open, now)

  local seen = { 1, epoch, 0, 0, window, counted, used, pair_at, turn_at, version, '', table.concat(times, ' '),
    table.concat(stands, ' ') }
  local denied = (needs_window and not open)
    or (place and counted == 0 and places >= 0 and used >= places)
    or ((pair_emission > 0 and pair_at > now) and not pair_shadow)
    or ((emission_us > 0 and turn_at > now) and not turn_shadow)
  denied = denied or not come or not room
  if denied or dry then
    seen[1] = denied and 0 or 1
    return seen
  end

  -- All is there: take it.
  if place then
    place.holds[id] = { expected = now + 86400000, ends = now + hold_ms }
    place_save(k, place, now)
    if counted == 0 then wake_queued(k, recipient, now) end
    share_change(k, about, recipient, place, now, function(own) own.holds[id] = place.holds[id] end)
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

  turns_take(k, turns, now)
  local taken = tallies_take(k, tallies, costs, now)
  if user_record ~= '' then
    redis.call('HSET', k.user .. recipient, 'v', digits(math.max(version + 1, now)), 'r', user_record)
    if user_expires > 0 then redis.call('PEXPIRE', k.user .. recipient, digits(math.max(1000, user_expires - now)))
    else redis.call('PERSIST', k.user .. recipient) end
  end

  -- The intent, before the first byte leaves.
  redis.call('HSET', k.message .. id, 'state', 'sending', 'attempt', attempt, 'recipient', recipient, 'number', number,
    'place', place and '1' or (counts and '0' or ''), 'window', window, 'at', now, 'about', about, 'tallies', taken,
    'history', (record[3] or '') .. digits(now) .. ' sending\n')
  if body ~= '' then redis.call('HSET', k.message .. id, 'body', body, 'expires', deadline) end
  -- One that needed no place may still be delivered when its window has closed: it is known for as long.
  redis.call('PEXPIRE', k.message .. id, digits((counts and hold_ms or 0) + remember_ms))
  redis.call('ZADD', k.inflight, now + outcome_ms, id)
  if state == 'queued' then
    lane_drop(k, id, record[4])
    redis.call('ZREM', k.deadlines, id)
    queued_for(k, record[5] or recipient, id, false)
  end
  return seen
end

local NOTHING, UNSEEN = {}, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '', '' }
local function list(json) return json == '' and NOTHING or cjson.decode(json) end

for i = 3, #ARGV, 23 do
  local n = function(j) return tonumber(ARGV[i + j]) end
  local facts = admit(n(0), ARGV[i + 1], ARGV[i + 2], n(3), ARGV[i + 4], ARGV[i + 5], n(6), n(7), n(8), n(9), n(10),
    n(11), n(12), n(13), n(14), ARGV[i + 15], n(16), n(17), ARGV[i + 18], n(19), list(ARGV[i + 20]), list(ARGV[i + 21]),
    ARGV[i + 22])
  for j, unseen in ipairs(UNSEEN) do answer[#answer + 1] = facts[j] or unseen end
end
return answer
