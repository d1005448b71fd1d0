-- message: a message's record. As it goes it is a string, for a send costs what it writes: what is known of it at once,
-- written by `admit`; a line that Meta's acceptance adds and one with Meta's id, by `settle`; then what its statuses add,
-- by `refresh`. What has to have fields of its own becomes a hash of them, with that string in `packed`, where it had
-- one: the others count before what is packed. One that is queued has nothing packed.
-- store/message_record.py reads the same.
--
-- sent   recipient (16 bytes); by `struct`, for that is read in a fifth of the time, when it was admitted (ms), the window's
--        end, bytes of the tallies, place ('0', '1', or '-'), and, each up to a zero, attempt and number; then the tallies
--        and about (a line)
--        of one that came out of the queue the tallies are followed by "\n<deadline>\n" and its history until then
-- taken  "\n<outcomes, by commas, or -> <kpis, or -> <at> <cause>\n<wamid>"
-- told   "\n<state> <1 if it was counted, or -> <outcomes> <kpis> <lines of history, after those before>"
local MESSAGE_HEAD, MESSAGE_PLACES = '<dddBss', { [45] = '', [48] = '0', [49] = '1' }
local message_find, message_match, message_sub, message_byte = string.find, string.match, string.sub, string.byte
-- Names that are listed by blanks, as they are packed; what was told of messages, by how that is packed; and tallies of
-- which it is known that no time in the queue follows them: those of a call are few.
local message_packed, message_said, message_plain = { [''] = '-' }, { [''] = { state = 'sending' } }, { [''] = true }

-- All of a record that was told of more: `before`, what was known before its statuses told, then that.
local function message_told(before, state, counted, outcomes, kpis, history, line)
  local packed = message_packed[outcomes]
  if not packed then
    packed = string.gsub(outcomes, ' ', ',')
    message_packed[outcomes] = packed
  end
  return before .. '\n' .. state .. (counted and ' 1 ' or ' - ') .. packed .. ' ' .. (kpis == '' and '-' or kpis) .. ' '
    .. history .. line
end

-- By field what became of one, of which this is packed: "<state> <1 or -> <outcomes> <kpis>", or of one that was only taken
-- "<outcomes> <kpis>".
local function message_says(packed)
  local said = message_said[packed]
  if said then return said end
  local state, counted, outcomes, kpis = message_match(packed, '^(%S+) (%S+) (%S+) (%S+)$')
  if not state then state, outcomes, kpis = 'accepted', message_match(packed, '^(%S+) (%S+)$') end
  said = { state = state, counted = counted == '1' and '1' or nil, kpis = kpis ~= '-' and kpis or nil,
    outcomes = outcomes ~= '-' and string.gsub(outcomes, ',', ' ') or nil }
  message_said[packed] = said
  return said
end

-- By field what most who are told of a status ask of what is packed, written into `record`; `is_named`: whether Meta's id
-- has this name. From where to where stands what was noted of it; where what its statuses told begins, and their history:
-- nil where they told nothing; then its attempt, of one that came out of the queue what it was there, and where Meta's id
-- begins: nil of one that was not taken.
local function message_glance(record, text, name)
  local at, window, bytes, place, attempt, number, from = struct.unpack(MESSAGE_HEAD, text, 17)
  local begins = from + bytes
  local ends = message_find(text, '\n', begins, true)
  local packed, told, since, wamid_at = '', nil, nil, nil
  if ends then
    wamid_at = message_find(text, '\n', ends + 1, true) + 1
    told = message_find(text, '\n', wamid_at, true)
    if told then packed, since = message_match(text, '^(%S+ %S+ %S+ %S+) ()', told + 1)
    else packed = message_match(text, '^(%S+ %S+) ', ends + 1) end
  end
  local said, tallies, waited = message_says(packed), message_sub(text, from, begins - 1), nil
  if not message_plain[tallies] then
    local waits = message_find(tallies, '\n\n', 1, true)
    if waits or message_byte(tallies, 1) == 10 then
      tallies, waited = message_sub(tallies, 1, waits or 0), message_sub(tallies, (waits or 0) + 2)
    else message_plain[tallies] = true end
  end
  record.state, record.number, record.at, record.window = said.state, number, at, window
  record.place, record.tallies = MESSAGE_PLACES[place], tallies
  record.outcomes, record.kpis, record.counted = said.outcomes, said.kpis, said.counted
  if name then
    local after = wamid_at and message_find(text, name, wamid_at, true) == wamid_at
      and (message_byte(text, wamid_at + #name) or 10)
    record.is_named = after == 124 or after == 10
  end
  return begins, ends and ends - 1 or #text, told, since, attempt, waited, wamid_at
end

-- By field all that is packed.
local function message_spread(text)
  local record = { state = '', recipient = message_sub(text, 1, 16), attempt = '', number = '', place = '', at = '',
    window = '', tallies = '', about = '', history = '', answered = '', wamid = '', outcomes = '', kpis = '', counted = '' }
  local begins, ends, told, since, attempt, waited, wamid_at = message_glance(record, text)
  local history = string.format('%d sending\n', record.at)
  if waited then
    record.expires, waited = message_match(waited, '^(%d+)\n(.*)$')
    record.queued_at, history = message_match('\n' .. waited, '\n(%d+) queued '), waited .. history
    record.given = record.queued_at and '1'
  end
  record.about, record.attempt, record.answered, record.wamid = message_sub(text, begins, ends), attempt, wamid_at and '1', nil
  if wamid_at then
    local at, cause = message_match(text, '^%S+ %S+ (%d+) ([^\n]*)', ends + 2)
    local wamid = message_sub(text, wamid_at, (told or 0) - 1)
    history = history .. at .. ' accepted ' .. cause .. '\n' .. (told and message_sub(text, since) or '')
    if wamid ~= '' then record.wamid = wamid end
  end
  record.history = history
  return record
end

-- A record that is a string, else false.
local function message_text(key) return redis.call('MGET', key)[1] end

-- The same of a record that is no string; nil where there is none.
local function message_fields(key)
  local flat, own = redis.call('HGETALL', key), {}
  if not flat[1] then return nil end
  for i = 1, #flat, 2 do own[flat[i]] = flat[i + 1] end
  if not own.packed then return own end
  local known = message_spread(own.packed)
  own.packed = nil
  for field, value in pairs(own) do known[field] = value end
  return known
end

-- All that is known of a message by field, nil where there is no such message.
local function message_of(k, id)
  local key = k.message .. id
  local text = message_text(key)
  if text then return message_spread(text) end
  return message_fields(key)
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
