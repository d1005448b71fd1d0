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
local message_find, message_match, message_sub = string.find, string.match, string.sub

-- By field all that is packed.
local function message_spread(text)
  local at, window, bytes, place, attempt, number, from = struct.unpack(MESSAGE_HEAD, text, 17)
  local begins = from + bytes
  local ends = message_find(text, '\n', begins, true)
  local tallies, history = message_sub(text, from, begins - 1), string.format('%d sending\n', at)
  local record = { state = 'sending', recipient = message_sub(text, 1, 16), attempt = attempt, number = number,
    place = MESSAGE_PLACES[place], at = at, window = window, about = message_sub(text, begins, (ends or 0) - 1) }
  local waits = message_find(tallies, '\n\n', 1, true)
  if waits or message_sub(tallies, 1, 1) == '\n' then
    local waited = message_sub(tallies, (waits or 0) + 2)
    tallies = message_sub(tallies, 1, waits or 0)
    record.expires, waited = message_match(waited, '^(%d+)\n(.*)$')
    record.queued_at, history = message_match('\n' .. waited, '\n(%d+) queued '), waited .. history
    record.given = record.queued_at and '1'
  end
  record.tallies, record.history = tallies, history
  if not ends then return record end
  local outcomes, kpis, taken_at, cause, wamid, told =
    message_match(text, '^(%S+) (%S+) (%d+) ([^\n]*)\n([^\n]*)()', ends + 1)
  record.state, record.answered, record.wamid = 'accepted', '1', wamid ~= '' and wamid or nil
  history = history .. taken_at .. ' accepted ' .. cause .. '\n'
  if told <= #text then
    local state, counted, said, figures, since = message_match(text, '^(%S+) (%S+) (%S+) (%S+) ()', told + 1)
    record.state, record.counted, outcomes, kpis = state, counted == '1' and '1' or nil, said, figures
    history = history .. message_sub(text, since)
  end
  record.outcomes, record.kpis = outcomes ~= '-' and string.gsub(outcomes, ',', ' ') or nil, kpis ~= '-' and kpis or nil
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
