-- allowances: tallies (of recipients, of money) that a send asks for. What is given back of them: _paces.lua.

-- What a call for many sends knows of each tally, and writes once: where it stood as the call began, where it stands, and
-- whether anything was taken of it.
local stands = {}

-- The tallies of a kind of sends, so many, told from there on in a text: cost, limit (-1 none), end (ms, 0 never), `when`,
-- name, and what is noted of it. `when`: 0 always; 1 for a new place; 2 nothing to pay in an open window; 3 while there
-- is room, and whatever comes after it in the list is free then; 4 for a new place, of those that an app has
-- ("share:<app>", _shares.lua): where such a one stands is told before each look. What is to be read of them is added to
-- `looks`, from `look` on.
local function tallies_of(form, count, prefix, text, from, looks, look)
  local tallies = {}
  for n = 1, count do
    local cost, limit, ends, when, name, noted
    cost, limit, ends, when, name, noted, from = struct.unpack(form, text, from)
    local key, stand = prefix .. TALLY_OF .. name, nil
    for i = 1, #stands do
      if stands[i].key == key then stand = stands[i] end
    end
    if not stand then
      stand = { prefix = prefix, name = name, key = key, ends = ends, at = look, began = 0, stood = 0,
        is_taken = false }
      looks[look] = key
      look = look + 1
      stands[#stands + 1] = stand
    end
    tallies[n] = { name = name, cost = cost, limit = limit, when = when, stand = stand, noted = noted, pays = false }
    if when == 4 then tallies.share = tallies[n] end
  end
  return tallies, look
end

-- Whether all have room for a send; what it has to pay then is noted with each (false where it is not asked).
local function tallies_look(tallies, is_new, open)
  local room, covered = true, false
  for i = 1, #tallies do
    local tally = tallies[i]
    local cost, limit, when, stand = tally.cost, tally.limit, tally.when, tally.stand
    local fits = limit < 0 or stand.stood + cost <= limit
    if when == 3 then
      covered = covered or fits
      tally.pays = fits and cost
    elseif (when ~= 1 and when ~= 4) or is_new then
      tally.pays = (covered or (when == 2 and open)) and 0 or cost
      room = room and (fits or tally.pays == 0)
    else
      tally.pays = false
    end
  end
  return room
end

-- Takes it, but for places, which are counted by themselves; answers what is noted with the message: "<name> <cost>\n"
-- each, the cost negative once it was given back. Where each stood before is told in `answer`, if any, after `told`.
local function tallies_take(tallies, answer, told)
  local noted
  for i = 1, #tallies do
    local tally = tallies[i]
    local cost, stand = tally.pays, tally.stand
    local stood = stand.stood
    if answer then answer[told + i] = stood end
    if cost and tally.when ~= 4 then
      stand.stood = stood + cost
      if not stand.is_taken then stand.is_taken = true end
      local text = cost == tally.cost and tally.noted or tally.name .. ' 0\n'
      noted = noted and noted .. text or text
    end
  end
  return noted or ''
end

-- Writes what was taken of one. The first recipient of a warm-up ("warm:<subject>:0") tells when it began.
local function tally_write(stand, is_new, now)
  redis.call('INCRBY', stand.key, stand.stood - stand.began)
  -- Its name says of which span it is, and so when it ends: once is enough.
  if is_new and stand.ends ~= 0 then redis.call('PEXPIRE', stand.key, math.max(1000, stand.ends - now)) end
  local subject = string.match(stand.name, '^warm:(.*):0$')
  if subject then redis.call('HSETNX', stand.prefix .. 'ramps', subject, now) end
end
