-- settle: write down how the POST of a message ended, and count it if Meta took it; for all that ended since the last call.
-- uses: keys, time, message, adds, figures, questions, outcomes
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a wamid is remembered
-- ARGV[2]  ms after which a message that is still unknown is told of as unresolved
-- ARGV[3]  ms for which the intent of a message that is proven unsent may still come
-- ARGV[4]  ms for which a day's outcomes are kept
-- ARGV[5]  ms for which it is remembered what a user got
-- ARGV[6+] 9 a message: portfolio, message id, attempt, state (accepted, failed, unknown), cause, wamid or '',
--          1 to give its place back (proven that nobody was messaged), name of what it claimed (_once.lua; '' nothing),
--          and what that
--          becomes with its answer
--
-- Returns now, then 1 for each that gave a place back, else 0. A message that another attempt owns, or whose status
-- webhook came first, keeps its state; running again changes nothing. One that is proven unsent and has no record has
-- an intent that was not answered, and that may still come: a record is left for it to find, so that it takes nothing.
-- One that is in line for a further try is taken out of it by late word that Meta took the first.
local now = now_ms(KEYS[1])
local now_text, reach_ms = string.format('%d', now), tonumber(ARGV[5])
local answer, ended = { now }, {}

local function carry(k, flat)
  -- with: cells, scopes
  scopes_carry(k, flat, now, ARGV[4])
end

local function wamid_known(k, id, wamid) redis.call('PSETEX', wamid_key(k, wamid), ARGV[1], id) end

local function is_over(k, id)
  local ids = ended[k] or {}
  ids[#ids + 1], ended[k] = id, ids
end

-- What the user got last from a number: "<1 if it was marketing> <its id> <id of the last marketing one, or ->".
local function remember(k, id, pair, marketing)
  local key = k.reached .. pair
  local text = pair_text(key)
  local before = '-'
  if text ~= '' then
    local last
    last, before = string.match(text, '^%d (%S+) (%S+)$')
    if last == id then return end
    local since = before and before ~= '-' and message_read(k, before, 'at')[1]
    if not since or now - tonumber(since) > reach_ms then before = '-' end
  end
  redis.call('PSETEX', key, ARGV[5], (marketing and '1 ' or '0 ') .. id .. ' ' .. (marketing and id or before))
end

-- Counts that Meta took it; what its record has to keep of that from now on.
local function count(k, id, record)
  if not record.at then return '', '' end
  local noted, recipient = outcomes_about(k, record.about or ''), record.recipient or ''
  local _, outcomes, figures = outcomes_note(k, record.at + 0, record.outcomes, record.kpis, noted,
    recipient ~= '' and recipient or nil, 'sent=-1', 0, false)
  -- An answer to a user is no reason for them to opt out; what a business begins is.
  if recipient ~= '' and noted.is_begun then
    remember(k, id, noted.number .. ':' .. recipient, noted.category == 'marketing')
  end
  return outcomes, figures
end

-- Writes down every other end.
local function make_settle()
  -- with: places, holders, shares, queue, paces, doubts, reports
  local function leave_tombstone(k, id, attempt, cause)
    redis.call('HSET', k.message .. id, 'state', 'failed', 'attempt', attempt, 'recipient', '', 'answered', 1,
      'history', now_text .. ' failed ' .. cause .. '\n')
    redis.call('PEXPIRE', k.message .. id, ARGV[3])
  end

  local function taken_after_all(k, id, record, cause, wamid)
    lane_drop(k, id, record.lane)
    redis.call('ZREM', k.deadlines, id)
    queued_for(k, record.recipient, id, false)
    redis.call('HDEL', k.message .. id, 'body', 'doubt')
    redis.call('HSET', k.message .. id, 'state', 'accepted', 'reason', '', 'wamid', wamid,
      'history', record.history .. now_text .. ' accepted ' .. cause .. '\n')
    wamid_known(k, id, wamid)
  end

  local function settle(k, id, attempt, state, cause, wamid, release, record, set)
    if not record then
      if release == '1' then leave_tombstone(k, id, attempt, cause) end
      return 0
    end
    if state == 'accepted' then
      local outcomes, figures = count(k, id, record)
      if outcomes ~= '' then set('outcomes', outcomes) end
      if figures ~= '' then set('kpis', figures) end
    end
    if record.attempt ~= attempt then
      if record.doubt and record.state == 'queued' and state == 'accepted' then
        taken_after_all(k, id, record, cause, wamid)
      end
      return 0
    end
    if wamid ~= '' then
      set('wamid', wamid)
      wamid_known(k, id, wamid)
    end
    -- Under which id its sender knows it: Meta's, or ours where there was no answer of Meta's to give.
    if state == 'unknown' then set('given', '1') end
    if record.state ~= 'sending' and record.state ~= 'unknown' then
      -- Its status came first.
      set('answered', '1')
      return 0
    end
    -- That this try was not taken proves nothing of the one before it.
    local in_doubt = state == 'failed' and record.doubt
    if in_doubt then
      if record.state == 'sending' then park(k, id, record.history, cause, now, now) end
    elseif state == 'unknown' then
      if record.state == 'sending' then park(k, id, record.history, cause, now, now + tonumber(ARGV[2])) end
    else
      is_over(k, id)
      set('state', state)
      set('answered', '1')
      set('history', record.history .. now_text .. ' ' .. state .. ' ' .. cause .. '\n')
      if record.state == 'unknown' or record.lane then set('reason', '') end
      -- Whoever has Meta's own refusal needs no report of it.
      if state == 'failed' and record.given then report_end(k, id, record.about, now) end
    end
    if record.expires and (state ~= 'unknown' or record.doubt or not wants_another_try(record.about)) then
      redis.call('HDEL', k.message .. id, 'body')
    end
    if release == '1' then tallies_release(k, id, record.tallies or '', false) end
    if release ~= '1' or record.place ~= '1' or in_doubt then return 0 end
    local place = place_load(k, record.recipient)
    place.holds[id] = nil
    share_change(k, record.about, record.recipient, place, now, function(own) own.holds[id] = nil end)
    return place_save(k, place, now) < 0 and 1 or 0
  end

  return function(k, id, attempt, state, cause, wamid, release, record)
    local fields = {}
    local given_back = settle(k, id, attempt, state, cause, wamid, release, record, function(field, value)
      if record[field] ~= value then fields[#fields + 1], fields[#fields + 2] = field, value end
    end)
    if fields[1] then message_set(k, id, unpack(fields)) end
    return given_back
  end
end

-- What all of a call have to know is read first: of their pairs in one call. Of a message that is told of twice the
-- second word finds what the first has left.
local argv, records, plain, pair_keys, n = ARGV, {}, {}, {}, 0
-- The record, and it as it is stored where nothing is known but that it was sent.
local function known_plainly(k, id)
  local record, text, before = message_of(k, id)
  return record, not before and text
end
local portfolio, k
for i = 6, #argv, 9 do
  if argv[i] ~= portfolio then portfolio, k = argv[i], keys_of(argv[i] + 0) end
  local id, once = argv[i + 1], argv[i + 7]
  if once ~= '' then
    n = n + 1
    pair_keys[n] = k.once .. once
  end
  local key = k.message .. id
  if records[key] == nil then
    local record, is_plain = known_plainly(k, id)
    records[key], plain[key] = record or false, is_plain
    if record and argv[i + 3] == 'accepted' then
      local noted = outcomes_about(k, record.about or '')
      local pair = (noted.number or '') .. ':' .. (record.recipient or '')
      n = n + 1
      pair_keys[n] = k.reached .. pair
      if noted.may_answer then
        n = n + 1
        pair_keys[n] = asked_key(k, pair)
      end
    end
  end
end
pairs_near(pair_keys)
local settle
for i = 6, #argv, 9 do
  if argv[i] ~= portfolio then portfolio, k = argv[i], keys_of(argv[i] + 0) end
  local id, cause, wamid, once = argv[i + 1], argv[i + 4], argv[i + 5], argv[i + 7]
  local key, given_back = k.message .. id, 0
  local record, is_plain = records[key], plain[key]
  if record == nil then record, is_plain = known_plainly(k, id) end
  records[key] = nil
  if is_plain and argv[i + 3] == 'accepted' and record.attempt == argv[i + 2] then
    -- Meta took a message of which nothing was known but that it was sent: as it goes with most.
    local outcomes, figures = count(k, id, record)
    if wamid ~= '' then wamid_known(k, id, wamid) end
    is_over(k, id)
    redis.call('SET', key, is_plain .. message_taken(wamid, outcomes, figures, now_text, cause), 'KEEPTTL')
  else
    settle = settle or make_settle()
    given_back = settle(k, id, argv[i + 2], argv[i + 3], cause, wamid, argv[i + 6], record)
  end
  answer[#answer + 1] = given_back
  -- Whatever it came to, whoever repeats it is told the same; what is another's, or has its answer, stays as it is.
  if once ~= '' then
    local claim_key, answered = k.once .. once, argv[i + 8]
    local claimed = pair_text(claim_key)
    if string.find(answered, claimed, 1, true) == 1 and string.byte(answered, #claimed + 1) == 10 then
      redis.call('SET', claim_key, answered, 'KEEPTTL')
    end
  end
end
for k, ids in pairs(ended) do redis.call('ZREM', k.inflight, unpack(ids)) end
outcomes_write(carry)
return answer
