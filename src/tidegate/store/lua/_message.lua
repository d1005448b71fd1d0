-- message: a message's record: a hash, of which two fields are packed, for a send costs what it writes. `sent` is what is
-- known as it goes, written once by `admit`; `taken` what Meta's acceptance adds, written once by `settle`. What comes
-- later has fields of its own, which count before those that are packed. One that is queued has no packed ones.
-- store/message_record.py reads the same.
--
-- sent   recipient (16 bytes), "<attempt> <number> <place, or -> <at> <window> <bytes of tallies>\n", tallies, about
-- taken  "<bytes of wamid> <outcomes, by commas> <kpis, or -> <at> <cause>", wamid
local function message_sent(recipient, attempt, number, place, at, window, tallies, about)
  return recipient .. attempt .. ' ' .. number .. ' ' .. (place == '' and '-' or place) .. ' ' .. at .. ' ' .. window .. ' '
    .. #tallies .. '\n' .. tallies .. about
end

local function message_taken(wamid, outcomes, kpis, at, cause)
  return #wamid .. ' ' .. (outcomes == '' and '-' or string.gsub(outcomes, ' ', ',')) .. ' '
    .. (kpis == '' and '-' or kpis) .. ' ' .. at .. ' ' .. cause .. wamid
end

local function message_spread(sent, taken)
  local attempt, number, place, at, window, bytes, from =
    string.match(sent, '^(%S+) (%S*) (%S+) (%d+) (%d+) (%d+)\n()', 17)
  local record = { state = 'sending', recipient = string.sub(sent, 1, 16), attempt = attempt, number = number,
    place = place == '-' and '' or place, at = at, window = window, tallies = string.sub(sent, from, from + bytes - 1),
    about = string.sub(sent, from + bytes), history = at .. ' sending\n' }
  if not taken then return record end
  local wamid_bytes, outcomes, kpis, taken_at, cause = string.match(taken, '^(%d+) (%S+) (%S+) (%d+) (.*)$')
  if wamid_bytes ~= '0' then
    record.wamid, cause = string.sub(cause, -wamid_bytes), string.sub(cause, 1, -1 - wamid_bytes)
  end
  record.state, record.answered = 'accepted', '1'
  record.history = record.history .. taken_at .. ' accepted ' .. cause .. '\n'
  if outcomes ~= '-' then record.outcomes = string.gsub(outcomes, ',', ' ') end
  if kpis ~= '-' then record.kpis = kpis end
  return record
end

-- All that is known of a message by field, nil where there is no such message; and whether that is `sent` alone.
local function message_of(k, id)
  local flat = redis.call('HGETALL', k.message .. id)
  if not flat[1] then return nil end
  if flat[1] == 'sent' and not flat[3] then return message_spread(flat[2]), true end
  local own = {}
  for i = 1, #flat, 2 do own[flat[i]] = flat[i + 1] end
  if not own.sent then return own, false end
  local known = message_spread(own.sent, own.taken)
  own.sent, own.taken = nil, nil
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
  redis.call('HDEL', k.message .. id, 'sent', 'taken')
end
