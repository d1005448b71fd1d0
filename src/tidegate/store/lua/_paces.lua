-- paces: further turns (of throttles and probes) that a send asks for, and what is given back of its allowances: those are
-- noted with its message, "<name> <cost>\n" each, the cost negative once it was given back.
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

local function tally_add(k, name, amount)
  if amount ~= 0 and redis.call('EXISTS', k.tally .. name) == 1 then
    redis.call('INCRBY', k.tally .. name, whole(amount))
  end
end

local function tallies_note(k, id, before, noted)
  if noted ~= before then message_set(k, id, 'tallies', noted) end
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

-- Puts what is billed in the place of what was reserved.
local function tallies_bill(k, id, noted, billed)
  return tallies_note(k, id, noted, (string.gsub(noted, '(spend:%S+) (%-?)(%d+)\n', function(name, back, cost)
    if back == '' then tally_add(k, name, billed - tonumber(cost)) end
    return name .. ' ' .. back .. whole(billed) .. '\n'
  end)))
end
