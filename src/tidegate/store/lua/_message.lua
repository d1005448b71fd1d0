-- message: a message's record: a hash, of which three fields are packed, for a send costs what it writes. `sent` is what
-- is known as it goes, written once by `admit`; `taken` what Meta's acceptance adds, written once by `settle`; `told` what
-- its statuses add, written by `refresh` of what has nothing but these. All else has fields of its own, which count
-- before those that are packed. One that is queued has no packed ones.
-- store/message_record.py reads the same.
--
-- sent   recipient (16 bytes), "<attempt> <number> <place, or -> <at> <window> <bytes of tallies>\n", tallies, about
-- taken  "<bytes of wamid> <outcomes, by commas> <kpis, or -> <at> <cause>", wamid
-- told   "<state> <1 if it was counted, or -> <outcomes, by commas> <kpis, or -> <lines of history, after those before>"
local function message_taken(wamid, outcomes, kpis, at, cause)
  if string.find(outcomes, ' ', 1, true) then outcomes = string.gsub(outcomes, ' ', ',') end
  return #wamid .. ' ' .. (outcomes == '' and '-' or outcomes) .. ' '
    .. (kpis == '' and '-' or kpis) .. ' ' .. at .. ' ' .. cause .. wamid
end

local function message_told(state, counted, outcomes, kpis, history)
  return state .. (counted and ' 1 ' or ' - ') .. (outcomes == '' and '-' or string.gsub(outcomes, ' ', ',')) .. ' '
    .. (kpis == '' and '-' or kpis) .. ' ' .. history
end

local function message_listed(text)
  if text == '-' then return nil end
  return string.find(text, ',', 1, true) and string.gsub(text, ',', ' ') or text
end

local function message_spread(sent, taken, told)
  local attempt, number, place, at, window, bytes, from =
    string.match(sent, '^(%S+) (%S*) (%S+) (%d+) (%d+) (%d+)\n()', 17)
  local state, history, wamid, outcomes, kpis, counted, since = 'sending', at .. ' sending\n', nil, nil, nil, nil, nil
  if taken then
    local wamid_bytes, taken_at, cause
    wamid_bytes, outcomes, kpis, taken_at, cause = string.match(taken, '^(%d+) (%S+) (%S+) (%d+) ()')
    local ends = #taken - wamid_bytes
    if wamid_bytes ~= '0' then wamid = string.sub(taken, ends + 1) end
    state, history = 'accepted', history .. taken_at .. ' accepted ' .. string.sub(taken, cause, ends) .. '\n'
  end
  if told then
    state, counted, outcomes, kpis, since = string.match(told, '^(%S+) (%S+) (%S+) (%S+) ()')
    since = string.sub(told, since)
    history, counted = history .. since, counted == '1' and '1' or nil
  end
  if kpis == '-' then kpis = nil end
  return { state = state, recipient = string.sub(sent, 1, 16), attempt = attempt, number = number,
    place = place == '-' and '' or place, at = at, window = window, tallies = string.sub(sent, from, from + bytes - 1),
    about = string.sub(sent, from + bytes), history = history, answered = taken and '1', wamid = wamid,
    outcomes = outcomes and message_listed(outcomes), kpis = kpis, counted = counted }, since
end

-- All that is known of a message by field, nil where there is no such message; whether that is `sent` alone; and where
-- statuses may be told of in `told`, the history that this has so far, else nil.
local function message_of(k, id)
  local flat, sent, taken, told, own = redis.call('HGETALL', k.message .. id), nil, nil, nil, nil
  if not flat[1] then return nil end
  for i = 1, #flat, 2 do
    local field = flat[i]
    if field == 'sent' then sent = flat[i + 1]
    elseif field == 'taken' then taken = flat[i + 1]
    elseif field == 'told' then told = flat[i + 1]
    else
      own = own or {}
      own[field] = flat[i + 1]
    end
  end
  if not sent then return own, false end
  local known, since = message_spread(sent, taken, told)
  if not own then return known, not taken, taken and (since or '') end
  for field, value in pairs(own) do known[field] = value end
  return known, false
end

-- The fields that are asked for, in this order; false for one that is not known.
local function message_read(k, id, ...)
  local record, found = message_of(k, id) or {}, {}
  for i, field in ipairs({ ... }) do found[i] = record[field] or false end
  return found
end

-- Gives a record nothing but fields of their own: before one of them is counted on, or forgotten.
local function message_unpack(k, id)
  local record, flat = message_of(k, id), {}
  if not record then return end
  for field, value in pairs(record) do flat[#flat + 1], flat[#flat + 2] = field, value end
  redis.call('HSET', k.message .. id, unpack(flat))
  redis.call('HDEL', k.message .. id, 'sent', 'taken', 'told')
end
