-- settle: write down how the POST of a message ended, and count it if Meta took it; for all that ended since the last call.
-- uses: keys, time, intents, told
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a wamid is remembered
-- ARGV[2]  ms after which a message that is still unknown is told of as unresolved
-- ARGV[3]  ms for which the intent of a message that is proven unsent may still come
-- ARGV[4]  ms for which a day's outcomes are kept
-- ARGV[5]  ms for which it is remembered what a user got
-- ARGV[6]  how many ways there are in which they ended
-- ARGV[7]  which of these each message did, a byte each (1 is the first); '' where all ended in the same
-- ARGV[8+] a text a way: portfolio (0 = first block), attempt, state (accepted, failed, unknown), 1 to give its place back
--          (proven that nobody was messaged; else 0), cause
-- ARGV[+]  4 a message: message id, wamid or '', name of what it claimed (_once.lua; '' nothing), and what that becomes
--          with its answer
--
-- Returns now, then 1 for each that gave a place back, else 0. A message that another attempt owns, or whose status
-- webhook came first, keeps its state; running again changes nothing. One that is proven unsent and has no record has
-- an intent that was not answered, and that may still come: a record is left for it to find, so that it takes nothing.
-- One that is in line for a further try is taken out of it by late word that Meta took the first.
local argv, last, call = ARGV, #ARGV, redis.call
local first = 8 + argv[6]
local n = (last - first + 1) / 4
-- with: texts
local now, now_text = 0, ''
-- The messages that were written in this call.
local written = {}

local function carry(k, flat)
  -- with: adds, cells, scopes
  scopes_carry(k, flat, now, argv[4])
end

local function wamid_known(k, id, wamid)
  text_put(argv[1], k.wamid .. sub(wamid, 1, (find(wamid, '|', 1, true) or 0) - 1), id)
end

-- What a user got last from a number, and of marketing: without a look at what that was before. An answer to a user is no
-- reason for them to opt out; what a business begins is.
local function remember(noted, id, recipient)
  text_put(argv[5], noted.reached .. recipient, id)
  if noted.same.is_marketing then
    text_put(argv[5], noted.k.reached .. 'marketing:' .. noted.number .. ':' .. recipient, id)
  end
end

-- What few calls need is made only where one does: each makes all of its functions anew.
local made
local function seldom()
  if made then return made end
  -- with: message, adds, figures, questions, outcomes, places, holders, shares, queue, paces, doubts, reports
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

  -- Counts that Meta took it; what its record has to keep of that from now on.
  local function count(k, id, record)
    if not record.at then return '', '' end
    local noted, recipient = outcomes_about(k, record.about or ''), record.recipient or ''
    local _, outcomes, figures = outcomes_note(k, record.at + 0, record.outcomes, record.kpis, noted,
      recipient ~= '' and recipient or nil, 'sent=-1', 0, false)
    if recipient ~= '' and noted.same.is_begun then remember(noted, id, recipient) end
    return outcomes, figures
  end

  local function settle(way, id, wamid, record, set)
    local k, attempt, state, cause, release = way.k, way.attempt, way.state, way.cause, way.release
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
    if record.at and not record.answered then intent_end(k, record.at, id) end
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
      redis.call('ZREM', k.inflight, id)
      set('state', state)
      set('answered', '1')
      set('history', record.history .. now_text .. ' ' .. state .. ' ' .. cause .. '\n')
      if record.state == 'unknown' or record.lane then set('reason', '') end
      -- Whoever has Meta's own refusal needs no report of it.
      if state == 'failed' and record.given then report_end(k, id, record.about, now) end
    end
    if record.body and (state ~= 'unknown' or record.doubt or not wants_another_try(record.about)) then
      redis.call('HDEL', k.message .. id, 'body')
    end
    if release == '1' then tallies_release(k, id, record.tallies or '', false) end
    if release ~= '1' or record.place ~= '1' or in_doubt then return 0 end
    local place = place_load(k, record.recipient)
    place.holds[id] = nil
    share_change(k, record.about, record.recipient, place, now, function(own) own.holds[id] = nil end)
    return place_save(k, place, now) < 0 and 1 or 0
  end

  made = { outcomes_answer = outcomes_answer,
    settle = function(way, id, wamid)
      local record, fields = message_of(way.k, id), {}
      local given_back = settle(way, id, wamid, record, function(field, value)
        if record[field] ~= value then fields[#fields + 1], fields[#fields + 2] = field, value end
      end)
      if fields[1] then message_set(way.k, id, unpack(fields)) end
      return given_back
    end }
  return made
end

-- In what ways they ended; whether a user of theirs may wait for an answer; and all that is known by their own keys.
local looks, ways = { KEYS[1] }, {}
for i = 8, first - 1 do
  local portfolio, attempt, state, release, cause = string.match(argv[i], '^(%d+) (%S+) (%l+) (%d) (.*)$')
  local k = keys_of(portfolio + 0)
  ways[i - 7] = { k = k, attempt = attempt, state = state, release = release, cause = cause, ended = false }
  looks[i - 6] = k.reached .. 'asked'
end
local which, way, own = argv[7], ways[1], #looks
local look, k = own + n, way.k
for i = 1, n do
  if which ~= '' then k = ways[byte(which, i)].k end
  local at = first + 4 * i - 4
  looks[own + i] = k.message .. argv[at]
  if argv[at + 2] ~= '' then
    look = look + 1
    looks[look] = k.once .. argv[at + 2]
  end
end
local found = call('MGET', unpack(looks))
now = now_ms(KEYS[1], found[1])
now_text = string.format('%d', now)

-- Most are messages that Meta took, of which nothing was known but that they were sent. What is written of such a one, but
-- for Meta's id, is the packed form of _message.lua.
for i = 1, #ways do
  local way = ways[i]
  local taken = now_text .. ' ' .. way.cause .. '\n'
  way.counted, way.uncounted, way.has_asked = '\nsent s ' .. taken, '\n- - ' .. taken, found[i + 1]
end

-- Those who may have asked what was answered, by the keys of their questions.
local asked, askers = {}, {}
local function answers_write()
  if not asked[1] then return end
  local texts = call('MGET', unpack(asked))
  for i = 1, #asked do
    if texts[i] then seldom().outcomes_answer(unpack(askers[i])) end
  end
  asked, askers = {}, {}
end

-- Writes down that Meta took it, where nothing else is known of it; whether it did.
local function take(way, id, key, text, wamid)
  local at, _, bytes, _, attempt, _, from = struct.unpack('<dddBss', text, 17)
  local k, line = way.k, way.uncounted
  local noted = attempt == way.attempt and outcomes_about(k, text, from + bytes)
  if not noted then return false end
  local same = noted.same
  if same.is_counted then
    local sums, recipient = outcomes_of(noted, at), sub(text, 1, 16)
    -- As outcomes_note has it, of which nothing was told before.
    sums[' b sent '], line = (sums[' b sent '] or 0) + 1, way.counted
    if same.is_begun then remember(noted, id, recipient) end
    if same.may_answer and way.has_asked then
      local i = #asked + 1
      asked[i], askers[i] = k.reached .. 'asked:' .. noted.number .. ':' .. recipient, { noted, recipient, at + 0 }
    end
  end
  if wamid ~= '' then wamid_known(k, id, wamid) end
  way.ended = way.ended or {}
  way.ended[at] = (way.ended[at] or 0) + 1
  text_put('KEEPTTL', key, text .. line .. wamid)
  return true
end

local answer = { now }
look = own + n
for i = 1, n do
  if which ~= '' then way = ways[byte(which, i)] end
  local at, key, text = first + 4 * i - 4, looks[own + i], found[own + i]
  local id, wamid, is_again, freed = argv[at], argv[at + 1], written[key], 0
  if not text or is_again or way.state ~= 'accepted' or not take(way, id, key, text, wamid) then
    -- It may be told of in this call for the second time, or not for the first of its user.
    texts_write()
    answers_write()
    freed = seldom().settle(way, id, wamid)
  end
  answer[i + 1], written[key] = freed, true
  -- Whatever it came to, whoever repeats it is told the same; what is another's, or has its answer, stays as it is.
  if argv[at + 2] ~= '' then
    look = look + 1
    local claim, answered = looks[look], argv[at + 3]
    local claimed = is_again and call('GET', claim) or found[look]
    if claimed and find(answered, claimed, 1, true) == 1 then text_put('KEEPTTL', claim, answered) end
  end
end
texts_write()
answers_write()
for i = 1, #ways do
  local way = ways[i]
  if way.ended then intents_end(way.k, way.ended) end
end
outcomes_write(carry)
return answer
