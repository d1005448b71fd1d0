-- paces: further turns (of throttles and probes) and allowances (of recipients, of money) that a send asks for.
local UNUSED_MS = 691200000

-- Of each turn { name, emission (ms), tolerance (ms) } when it comes, and whether all have come.
local function turns_look(k, turns, now)
  local times, come = {}, true
  for i, turn in ipairs(turns) do
    local tat = tonumber(redis.call('HGET', k.turns, turn[1]) or 0)
    times[i] = math.ceil(tat - turn[3])
    come = come and times[i] <= now
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

-- Of each tally { name, cost, limit (-1 none), 1 when only a new place counts, end (ms) } where it stands, and whether
-- all have room.
local function tallies_look(k, tallies, is_new)
  local stands, room = {}, true
  for i, tally in ipairs(tallies) do
    stands[i] = tonumber(redis.call('GET', k.tally .. tally[1]) or 0)
    local asks = tally[4] == 0 or is_new
    room = room and not (asks and tally[3] >= 0 and stands[i] + tally[2] > tally[3])
  end
  return stands, room
end

-- What was taken, as it is noted with the message: "<name> <cost>\n" each.
local function tallies_take(k, tallies, is_new, now)
  local taken = ''
  for _, tally in ipairs(tallies) do
    if tally[4] == 0 or is_new then
      redis.call('INCRBY', k.tally .. tally[1], string.format('%.0f', tally[2]))
      redis.call('PEXPIRE', k.tally .. tally[1], string.format('%.0f', math.max(1000, tally[5] - now)))
      taken = taken .. tally[1] .. ' ' .. string.format('%.0f', tally[2]) .. '\n'
    end
  end
  return taken
end

-- Gives back what a message took of the tallies whose name begins so; once, for the note is taken off the message.
local function tallies_release(k, id, taken, prefix)
  local left = ''
  for name, cost in string.gmatch(taken or '', '(%S+) (%d+)\n') do
    if string.sub(name, 1, #prefix) == prefix then
      if redis.call('EXISTS', k.tally .. name) == 1 then redis.call('DECRBY', k.tally .. name, cost) end
    else
      left = left .. name .. ' ' .. cost .. '\n'
    end
  end
  if left ~= (taken or '') then redis.call('HSET', k.message .. id, 'tallies', left) end
end
