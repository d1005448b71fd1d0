-- message: a message's record. As it goes it is a string, for a send costs what it writes: what is known of it at once,
-- written by `admit`; a line that Meta's acceptance adds and one with Meta's id, by `settle`; then what its statuses add,
-- by `refresh`. What has to have fields of its own becomes a hash of them, with that string in `packed`, where it had
-- one: the others count before what is packed. One that is queued has nothing packed.
-- store/message_record.py reads the same.
--
-- sent   recipient (16 bytes), "<attempt> <number> <place, or -> <at> <window> <bytes of tallies>\n", tallies, about (a line)
--        of one that came out of the queue the tallies are followed by "\n<deadline>\n" and its history until then
-- taken  "\n<outcomes, by commas, or -> <kpis, or -> <at> <cause>\n<wamid>"
-- told   "\n<state> <1 if it was counted, or -> <outcomes> <kpis> <lines of history, after those before>"
local function message_told(state, counted, outcomes, kpis, history)
  return '\n' .. state .. (counted and ' 1 ' or ' - ') .. (outcomes == '' and '-' or string.gsub(outcomes, ' ', ',')) .. ' '
    .. (kpis == '' and '-' or kpis) .. ' ' .. history
end

local function message_listed(text)
  if text == '-' then return nil end
  return string.find(text, ',', 1, true) and string.gsub(text, ',', ' ') or text
end

-- By field what is packed; where its statuses may be told of, all before that and the history that they told so far.
local function message_spread(text)
  local attempt, number, place, at, window, bytes, from =
    string.match(text, '^(%S+) (%S*) (%S+) (%d+) (%d+) (%d+)\n()', 17)
  local state, history, wamid, outcomes, kpis, counted = 'sending', at .. ' sending\n', nil, nil, nil, nil
  local begins = from + bytes
  local ends, before, since = string.find(text, '\n', begins, true), nil, nil
  local tallied, waits, expires, queued_at = begins - 1, string.find(text, '\n\n', from - 1, true), nil, nil
  if waits and waits < tallied then
    local waited
    expires, waited = string.match(string.sub(text, waits + 2, tallied), '^(%d+)\n(.*)$')
    tallied, history, queued_at = waits, waited .. history, string.match('\n' .. waited, '\n(%d+) queued ')
  end
  if ends then
    local taken_at, cause, wamid_from
    outcomes, kpis, taken_at, cause, wamid_from = string.match(text, '^(%S+) (%S+) (%d+) ([^\n]*)\n()', ends + 1)
    state, history, before, since = 'accepted', history .. taken_at .. ' accepted ' .. cause .. '\n', text, ''
    local told = string.find(text, '\n', wamid_from, true)
    if told then
      state, counted, outcomes, kpis, since = string.match(text, '^(%S+) (%S+) (%S+) (%S+) ()', told + 1)
      before, since = string.sub(text, 1, told - 1), string.sub(text, since)
      history, counted = history .. since, counted == '1' and '1' or nil
    end
    wamid = string.sub(before, wamid_from)
    if wamid == '' then wamid = nil end
    if kpis == '-' then kpis = nil end
  end
  return { state = state, recipient = string.sub(text, 1, 16), attempt = attempt, number = number,
    place = place == '-' and '' or place, at = at, window = window, tallies = string.sub(text, from, tallied),
    expires = expires, queued_at = queued_at, given = queued_at and '1',
    about = string.sub(text, begins, (ends or 0) - 1), history = history, answered = ends and '1', wamid = wamid,
    outcomes = outcomes and message_listed(outcomes), kpis = kpis, counted = counted }, before, since
end

-- What a call reads of many records at once: until each is asked for, for then it may change.
local near_messages = {}
local function messages_near(keys)
  if #keys == 0 then return end
  for i, text in ipairs(redis.call('MGET', unpack(keys))) do near_messages[keys[i]] = text end
end

-- A record that is a string, else false.
local function message_text(key)
  local text = near_messages[key]
  if text == nil then return redis.call('MGET', key)[1] end
  near_messages[key] = nil
  return text
end

-- All that is known of a message by field, nil where there is no such message; of one without fields of its own what is
-- packed, and of one that was taken all of that before what its statuses told, and the history that they told so far.
local function message_of(k, id)
  local key = k.message .. id
  local text = message_text(key)
  if text then
    local known, before, since = message_spread(text)
    return known, text, before, since
  end
  local flat, own = redis.call('HGETALL', key), {}
  if not flat[1] then return nil end
  for i = 1, #flat, 2 do own[flat[i]] = flat[i + 1] end
  if not own.packed then return own end
  local known = message_spread(own.packed)
  own.packed = nil
  for field, value in pairs(own) do known[field] = value end
  return known
end

-- The fields that are asked for, in this order; false for one that is not known.
local function message_read(k, id, ...)
  local record, found = message_of(k, id) or {}, {}
  for i, field in ipairs({ ... }) do found[i] = record[field] or false end
  return found
end

-- Writes these fields in the place of all that a record was, which may be a string; it is kept for as long as it was.
local function message_rewrite(key, flat)
  local lasting = redis.call('PTTL', key)
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(flat))
  if lasting >= 0 then redis.call('PEXPIRE', key, math.max(1, lasting)) end
end

-- Writes fields of its own.
local function message_set(k, id, ...)
  local key = k.message .. id
  local text = message_text(key)
  if text then message_rewrite(key, { 'packed', text }) end
  redis.call('HSET', key, ...)
end

-- Forgets fields of its own, where it has any.
local function message_drop(k, id, ...)
  if not message_text(k.message .. id) then redis.call('HDEL', k.message .. id, ...) end
end

-- Gives a record nothing but fields of their own: before one of them is counted on, or forgotten.
local function message_unpack(k, id)
  local record, flat = message_of(k, id), {}
  if not record then return end
  for field, value in pairs(record) do flat[#flat + 1], flat[#flat + 2] = field, value end
  message_rewrite(k.message .. id, flat)
end
