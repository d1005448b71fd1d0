-- settle: write down how the POST of a message ended, and count it if Meta took it; for all that ended since the last call.
-- uses: keys, time, told
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a wamid is remembered
-- ARGV[2]  ms after which a message that is still unknown is told of as unresolved
-- ARGV[3]  ms for which the intent of a message that is proven unsent may still come
-- ARGV[4]  ms for which a day's outcomes are kept
-- ARGV[5]  ms for which it is remembered what a user got
-- ARGV[6]  how many ways there are in which they ended, then a text each: portfolio (0 = first block), attempt, state
--          (accepted, failed, unknown), 1 to give its place back (proven that nobody was messaged; else 0), cause
-- ARGV[+]  5 a message: which of these (0 is the first), message id, wamid or '', name of what it claimed (_once.lua; ''
--          nothing), and what that becomes with its answer
--
-- Returns now, then 1 for each that gave a place back, else 0. A message that another attempt owns, or whose status
-- webhook came first, keeps its state; running again changes nothing. One that is proven unsent and has no record has
-- an intent that was not answered, and that may still come: a record is left for it to find, so that it takes nothing.
-- One that is in line for a further try is taken out of it by late word that Meta took the first.
local argv, last, call = ARGV, #ARGV, redis.call
local first = 7 + argv[6]
local n = (last - first + 1) / 5
-- with: texts
local now, now_text, over = 0, '', {}
-- What was written in this call: messages, and by key what their users got last.
local written, reached = {}, {}

local function carry(k, flat)
  -- with: adds, cells, scopes
  scopes_carry(k, flat, now, argv[4])
end

local function is_over(k, id)
  local ids = over[k]
  if ids then ids[#ids + 1] = id else over[k] = { id } end
end

local function wamid_known(k, id, wamid)
  text_put(argv[1], k.wamid .. sub(wamid, 1, (find(wamid, '|', 1, true) or 0) - 1), id)
end

-- What the user got last from a number: "<1 if it was marketing> <its id> <id of the last marketing one, or ->". An answer
-- to a user is no reason for them to opt out; what a business begins is. `at_of`: when a message was admitted, or false.
local function remember(noted, id, key, text, at_of)
  local told = '0 ' .. id .. ' -'
  if noted.same.is_marketing then told = '1 ' .. id .. ' ' .. id
  elseif text and sub(text, -2) ~= ' -' then
    local latest, before = string.match(text, '^%d (%S+) (%S+)$')
    if latest == id then return end
    local since = before and at_of(noted.k, before)
    if since and now - since <= tonumber(argv[5]) then told = '0 ' .. id .. ' ' .. before end
  end
  if told == text then return end
  text_put(argv[5], key, told)
  reached[key] = told
end

-- What few calls need is made only where one does: each makes all of its functions anew.
local made
local function seldom()
  if made then return made end
  -- with: message, adds, figures, questions, outcomes, places, holders, shares, queue, paces, doubts, reports
  local function at_of(k, id) return message_read(k, id, 'at')[1] end

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
    if recipient ~= '' and noted.same.is_begun then
      local key = k.reached .. noted.number .. ':' .. recipient
      remember(noted, id, key, reached[key] or redis.call('GET', key), at_of)
    end
    return outcomes, figures
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

  made = { at_of = at_of, outcomes_answer = outcomes_answer,
    settle = function(k, id, attempt, state, cause, wamid, release)
      -- It may be told of in this call for the second time.
      texts_write()
      local record, fields = message_of(k, id), {}
      local given_back = settle(k, id, attempt, state, cause, wamid, release, record, function(field, value)
        if record[field] ~= value then fields[#fields + 1], fields[#fields + 2] = field, value end
      end)
      if fields[1] then message_set(k, id, unpack(fields)) end
      return given_back
    end }
  return made
end

local function at_of(k, id) return seldom().at_of(k, id) end

-- In what ways they ended, and all that is known by their own keys.
local ways = {}
for i = 7, first - 1 do
  local portfolio, attempt, state, release, cause = string.match(argv[i], '^(%d+) (%S+) (%l+) (%d) (.*)$')
  ways[tostring(i - 7)] = { k = keys_of(portfolio + 0), attempt = attempt, state = state, release = release, cause = cause }
end
local looks, claims, j = { KEYS[1] }, {}, 1
for i = first, last, 5 do
  local k, once = ways[argv[i]].k, argv[i + 3]
  j = j + 1
  looks[j] = k.message .. argv[i + 1]
  if once ~= '' then claims[#claims + 1] = k.once .. once end
end
local looked = #looks
for i = 1, #claims do looks[looked + i] = claims[i] end
local found = call('MGET', unpack(looks))
now = now_by(found[1])
now_text = string.format('%d', now)

-- Most are messages that Meta took, of which nothing was known but that they were sent (_message.lua): of those what was
-- noted, when they were admitted, and where the texts of their pairs stand.
local noted_of, sent_at, pair_at, pair_keys, pair_count = { false }, { 0 }, { 0 }, {}, 0
j = 1
for i = first, last, 5 do
  local way = ways[argv[i]]
  j = j + 1
  local text, noted = found[j], false
  pair_at[j] = pair_count
  if text and way.state == 'accepted' then
    local attempt, at, bytes, from = string.match(text, '^(%S+) %S* %S+ (%d+) %d+ (%d+)\n()', 17)
    if attempt == way.attempt and not find(text, '\n', from + bytes, true) then
      local k = way.k
      noted, sent_at[j] = outcomes_about(k, sub(text, from + bytes)), at
      local same = noted.same
      if same.is_counted then
        local pair = noted.number .. ':' .. sub(text, 1, 16)
        if same.is_begun then
          pair_count = pair_count + 1
          pair_keys[pair_count] = k.reached .. pair
        end
        if same.may_answer then
          pair_count = pair_count + 1
          pair_keys[pair_count] = k.reached .. 'asked:' .. pair
        end
      end
    end
  end
  noted_of[j] = noted
end
local pair_texts = pair_count > 0 and call('MGET', unpack(pair_keys))

-- Writes down that Meta took it, as it goes with most: the packed form is that of _message.lua.
local function take(way, id, key, text, wamid, noted, at, pair)
  local counted, same = '\n- - ', noted.same
  if same.is_counted then
    local sums = outcomes_of(noted, at)
    -- As outcomes_note has it, of which nothing was told before.
    sums[' b sent '], counted = (sums[' b sent '] or 0) + 1, '\nsent s '
    if same.is_begun then
      pair = pair + 1
      local known = pair_keys[pair]
      remember(noted, id, known, reached[known] or pair_texts[pair], at_of)
    end
    if same.may_answer and pair_texts[pair + 1] then
      seldom().outcomes_answer(noted, sub(text, 1, 16), at + 0)
    end
  end
  if wamid ~= '' then wamid_known(way.k, id, wamid) end
  is_over(way.k, id)
  text_put('KEEPTTL', key, text .. counted .. now_text .. ' ' .. way.cause .. '\n' .. wamid)
end

local answer = { now }
local claim = 0
j = 1
for i = first, last, 5 do
  j = j + 1
  local way, id, key, noted = ways[argv[i]], argv[i + 1], looks[j], noted_of[j]
  local is_again = written[key]
  if noted and not is_again then
    take(way, id, key, found[j], argv[i + 2], noted, sent_at[j], pair_at[j])
    answer[j] = 0
  else
    answer[j] = seldom().settle(way.k, id, way.attempt, way.state, way.cause, argv[i + 2], way.release)
  end
  written[key] = true
  -- Whatever it came to, whoever repeats it is told the same; what is another's, or has its answer, stays as it is.
  if argv[i + 3] ~= '' then
    claim = claim + 1
    local answered, claimed = argv[i + 4], is_again and call('GET', claims[claim]) or found[looked + claim]
    if claimed and find(answered, claimed, 1, true) == 1 then text_put('KEEPTTL', claims[claim], answered) end
  end
end
texts_write()
for k, ids in pairs(over) do call('ZREM', k.inflight, unpack(ids)) end
outcomes_write(carry)
return answer
