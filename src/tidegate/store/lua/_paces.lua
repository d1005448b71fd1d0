-- paces: further turns (of throttles and probes) and allowances (of recipients, of money) that a send asks for.
local UNUSED_MS = 691200000

local function whole(number) return string.format('%.0f', number) end

-- Of each turn { name, emission (ms), tolerance (ms) } when it comes, and whether all have come.
local function turns_look(k, turns, now)
  local times, come = {}, true
  for i, turn in ipairs(turns) do
    local tat = tonumber(redis.call('HGET', k.turns, turn[1]) or 0)
    local at = math.ceil(tat - turn[3])
    times[i] = whole(at)
    come = come and at <= now
  end
  return times, come
end

local function turns_take(k, turns, now)
  for _, turn in ipairs(turns) do
    local tat = math.max(tonumber(redis.call('HGET', k.turns, turn[1]) or 0), now) + turn[2]
    redis.call('HSET', k.turns, turn[1], string.format('%.3f', tat))
  end
  if #turns > 0 then redis.call('PEXPIRE', k.turns, UNUSED_MS) end
end

-- Of each tally { name, cost, limit (-1 none), when, end (ms, 0 never) } where it stands, what this send has to pay
-- (nil where it is not asked), and whether all have room. `when`: 0 always; 1 for a new place; 2 nothing to pay in an open
-- window; 3 while there is room, and whatever comes after it in the list is free then; 4 for a new place, of those that an
-- app has ("share:<app>", _shares.lua).
local function tallies_look(k, tallies, is_new, open, now)
  local stands, costs, room, covered = {}, {}, true, false
  for i, tally in ipairs(tallies) do
    local name, cost, limit, when = tally[1], tally[2], tally[3], tally[4]
    local stood = when == 4 and share_used(k, string.sub(name, 7), limit, now)
      or tonumber(redis.call('GET', k.tally .. name) or 0)
    local fits = limit < 0 or stood + cost <= limit
    stands[i] = whole(stood)
    if when == 3 then
      covered = covered or fits
      costs[i] = fits and cost or nil
    elseif (when ~= 1 and when ~= 4) or is_new then
      costs[i] = (covered or (when == 2 and open)) and 0 or cost
      room = room and (fits or costs[i] == 0)
    end
  end
  return stands, costs, room
end

-- Takes it, but for places, which are counted by themselves; answers what is noted with the message: "<name> <cost>\n" each, the cost negative once it was given back.
-- The first recipient of a warm-up ("warm:<subject>:0") tells when it began.
local function tallies_take(k, tallies, costs, now)
  local noted = ''
  for i, tally in ipairs(tallies) do
    local name, cost, ends = tally[1], costs[i], tally[5]
    if cost and tally[4] ~= 4 then
      redis.call('INCRBY', k.tally .. name, whole(cost))
      if ends > 0 then redis.call('PEXPIRE', k.tally .. name, whole(math.max(1000, ends - now))) end
      local subject = string.match(name, '^warm:(.*):0$')
      if subject then redis.call('HSETNX', k.ramps, subject, whole(now)) end
      noted = noted .. name .. ' ' .. whole(cost) .. '\n'
    end
  end
  return noted
end

local function tally_add(k, name, amount)
  if amount ~= 0 and redis.call('EXISTS', k.tally .. name) == 1 then
    redis.call('INCRBY', k.tally .. name, whole(amount))
  end
end

local function tallies_note(k, id, before, noted)
  if noted ~= before then redis.call('HSET', k.message .. id, 'tallies', noted) end
  return noted
end

-- Gives back what a message took; of money only, where the recipient may have been reached after all.
local function tallies_release(k, id, noted, money_only)
  return tallies_note(k, id, noted, (string.gsub(noted, '(%S+) (%d+)\n', function(name, cost)
    if money_only and string.sub(name, 1, 5) == 'warm:' then return nil end
    tally_add(k, name, -tonumber(cost))
    return name .. ' -' .. cost .. '\n'
  end)))
end

-- Takes again what was given back, for the message was delivered after all.
local function tallies_retake(k, id, noted)
  if not string.find(noted, ' -', 1, true) then return noted end
  return tallies_note(k, id, noted, (string.gsub(noted, '(%S+) %-(%d+)\n', function(name, cost)
    tally_add(k, name, tonumber(cost))
    return name .. ' ' .. cost .. '\n'
  end)))
end

-- Whether every sum of money in it is this one.
local function tallies_are(noted, text)
  local at = string.find(noted, 'spend:', 1, true)
  while at do
    local ends = string.find(noted, ' ', at, true)
    if string.sub(noted, ends + 1, ends + #text) ~= text then return false end
    at = string.find(noted, 'spend:', ends, true)
  end
  return true
end

-- Puts what is billed in the place of what was reserved.
local function tallies_bill(k, id, noted, billed)
  if tallies_are(noted, digits(billed) .. '\n') then return noted end
  return tallies_note(k, id, noted, (string.gsub(noted, '(spend:%S+) (%-?)(%d+)\n', function(name, back, cost)
    if back == '' then tally_add(k, name, billed - tonumber(cost)) end
    return name .. ' ' .. back .. whole(billed) .. '\n'
  end)))
end
