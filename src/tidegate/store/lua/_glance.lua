-- glance: what statuses ask of records that are strings (_message.lua). Messages of a call have most of that in common, byte
-- by byte, which is read once: what was sent, and what became of it.
local GLANCE_PLACES = { [45] = '', [48] = '0', [49] = '1' }
local glance_sending = { state = 'sending', outcomes = '', kpis = '' }
local glance_taken = { size = 0, words = '^(%S+) (%S+) ()', known = {} }
local glance_told = { size = 0, words = '^(%S+) (%S+) (%S+) (%S+) ()', known = {} }
-- What was sent last, as it is packed; and tallies of which it is known that no time in the queue follows them.
local glance_last, glance_plain = '', { [''] = true }

-- What was sent, of a record: how many bytes of it that takes, from the 33rd on, and what these say. `known`: what was read
-- of this portfolio's, by how it is packed: all from the size of the tallies to the end of what was noted.
local function glance_sent(known, text)
  if find(text, glance_last, 33, true) == 33 then
    local sent, after = known[glance_last], byte(text, 33 + #glance_last)
    if sent and (not after or after == 10) then return sent end
  end
  local bytes, place, _, number, from = struct.unpack('<dBss', text, 33)
  local begins = from + bytes
  local ends = find(text, '\n', begins, true) or #text + 1
  local packed = sub(text, 33, ends - 1)
  glance_last = packed
  local sent = known[packed]
  if sent then return sent end
  local tallies = sub(text, from, begins - 1)
  if not glance_plain[tallies] then
    -- Of one that came out of the queue what it was there follows them.
    local waits = find(tallies, '\n\n', 1, true)
    if waits or byte(tallies, 1) == 10 then tallies = sub(tallies, 1, waits or 0) else glance_plain[tallies] = true end
  end
  -- `of`: what was noted of it, read (_told.lua).
  sent = { size = #packed, number = number, place = GLANCE_PLACES[place], tallies = tallies,
    about = sub(text, begins, ends - 1), of = false }
  known[packed] = sent
  return sent
end

-- What became of it, as that is packed from there on, in so many words: taken, or told of by statuses. It is looked for as
-- long as the last one's was.
local function glance_said(how, text, from)
  local said = how.known[sub(text, from, from + how.size - 1)]
  if said then return said end
  local state, counted, outcomes, kpis, ends = string.match(text, how.words, from)
  if how == glance_taken then state, counted, outcomes, kpis, ends = 'accepted', '-', state, counted, outcomes end
  local packed = sub(text, from, ends - 1)
  how.size = #packed
  said = how.known[packed] or { state = state, counted = counted == '1' and '1' or nil, kpis = kpis ~= '-' and kpis or '',
    outcomes = outcomes ~= '-' and string.gsub(outcomes, ',', ' ') or '', size = how.size }
  how.known[packed] = said
  return said
end

-- Whether Meta's id stands there, under the name that this has.
local function glance_named(text, at, wamid)
  if find(text, wamid, at, true) ~= at then
    wamid = wamid_name(wamid)
    if find(text, wamid, at, true) ~= at then return false end
  end
  local after = byte(text, at + #wamid) or 10
  return after == 124 or after == 10
end

-- Names that are listed by blanks, as they are packed: those of a call are few.
local glance_packed = { [''] = '-' }

-- All of a record that is told of more: `before`, what was known before its statuses told, then that.
local function glance_more(before, state, counted, outcomes, kpis, history, line)
  local packed = glance_packed[outcomes]
  if not packed then
    packed = string.gsub(outcomes, ' ', ',')
    glance_packed[outcomes] = packed
  end
  return before .. '\n' .. state .. (counted and ' 1 ' or ' - ') .. packed .. ' ' .. (kpis == '' and '-' or kpis) .. ' '
    .. history .. line
end
