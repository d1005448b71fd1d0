-- allowances: tallies (of recipients, of money) that a send asks for. What is given back of them: _paces.lua.

-- What a call for many sends knows of each tally, and writes once: where it stood as the call began, where it stands, and
-- whether anything was taken of it.
local stands = {}

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
