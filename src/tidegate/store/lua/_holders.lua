-- holders: what is known of one place and of the messages that hold it: read, changed, freed. After `places`, in which the
-- places stand.
--
-- Which strings of places a call has written anew: what was read of them before holds no longer.
local rewritten = {}

-- Writes the end of a place into the string `key`: where it stands there already (`at`), or else behind the others, which
-- were `text` when they were read.
local function place_put(k, key, bucket, member, text, ends, at)
  local stamp_of_end, was_empty = stamp(ends), text == ''
  local entry = member .. stamp_of_end
  if at and #text == HEAD + ENTRY then
    -- There is no other.
    redis.call('SET', key, stamp_of_end .. entry)
    was_empty = true
  elseif at then redis.call('SETRANGE', key, at - 1, entry)
  elseif not (was_empty and redis.call('SET', key, stamp_of_end .. entry, 'NX'))
    and redis.call('APPEND', key, entry) == ENTRY then
    -- The last of the others was dropped since this one was loaded, and the string with it.
    redis.call('SET', key, stamp_of_end .. entry)
    was_empty = true
  end
  if was_empty or ends < stamped(text, 1) then
    if not was_empty then redis.call('SETRANGE', key, 0, stamp_of_end) end
    redis.call('ZADD', k.calendar, 'LT', ends, bucket)
  end
end

-- Writes what a call has added up, of each ledger once: places used (`change`; where `used` is known that is written
-- with all else in the ledger), those that come free by the second (`curve`), and holds (`holds`, by name, false for one
-- that was dropped). By `prefix` begin the names of the book's keys.
local function places_write(sums)
  if sums.change ~= 0 and not sums.used then redis.call('HINCRBY', sums.ledger, 'used', sums.change) end
  if sums.curve then
    local releases = sums.prefix .. 'releases'
    for second, change in pairs(sums.curve) do
      if change ~= 0 and redis.call('HINCRBY', releases, second, change) <= 0 then redis.call('HDEL', releases, second) end
    end
  end
  if sums.holds then
    local put, dropped = {}, {}
    for slot, text in pairs(sums.holds) do
      if text then put[#put + 1], put[#put + 2] = slot, text else dropped[#dropped + 1] = slot end
      -- A sweep may drop more than one command takes.
      if #dropped == 4000 then
        redis.call('HDEL', sums.prefix .. 'holds', unpack(dropped))
        dropped = {}
      end
    end
    if put[1] then redis.call('HSET', sums.prefix .. 'holds', unpack(put)) end
    if dropped[1] then redis.call('HDEL', sums.prefix .. 'holds', unpack(dropped)) end
  end
end

-- What a call for many sends adds up, by ledger, where it does: so much is written once (`places_write`). The holds of
-- first places that it begins, which whoever adds up writes itself, are `held` (name, text ...).
local later = false
-- The ledger of which these were asked for last, as most ask for them again.
local last_ledger, last_sums
local function places_later(known) later, last_ledger = known or {}, nil end

local function sums_of(k)
  local ledger = k.ledger
  if ledger == last_ledger then return last_sums end
  last_ledger, last_sums = ledger, nil
  for i = 1, #later do
    if later[i].ledger == ledger then last_sums = later[i] end
  end
  if not last_sums then
    last_sums = { ledger = ledger, prefix = string.sub(k.holds, 1, -6), change = 0, held = {} }
    later[#later + 1] = last_sums
  end
  return last_sums
end

local function later_write()
  for i = 1, #later do places_write(later[i]) end
  later = false
end

local function use(k, change)
  if later then sums_of(k).change = sums_of(k).change + change
  else redis.call('HINCRBY', k.ledger, 'used', change) end
end

local function expect(k, at, change)
  if at <= 0 then return end
  local second = math.ceil(at / 1000)
  if later then
    local sums = sums_of(k)
    local curve = sums.curve or {}
    sums.curve = curve
    curve[second] = (curve[second] or 0) + change
  elseif redis.call('HINCRBY', k.releases, second, change) <= 0 then
    redis.call('HDEL', k.releases, second)
  end
end

local function used_of(k)
  return tonumber(redis.call('HGET', k.ledger, 'used') or 0) + (later and sums_of(k).change or 0)
end

-- What this call has put there, or false where it was dropped, is not written yet.
local function holds_of(k, slot)
  if later then
    local sums = sums_of(k)
    local text, held = (sums.holds or {})[slot], sums.held
    if text ~= nil then return text end
    for i = 1, #held, 2 do
      if held[i] == slot then return held[i + 1] end
    end
  end
  return redis.call('HGET', k.holds, slot)
end

local function holds_put(k, slot, text)
  if later then
    local sums = sums_of(k)
    sums.holds = sums.holds or {}
    sums.holds[slot] = text
  elseif text then redis.call('HSET', k.holds, slot, text)
  else redis.call('HDEL', k.holds, slot) end
end

local function holds_drop(k, slot) holds_put(k, slot, false) end

local function read_holds(place, text)
  for id, expected, ends in string.gmatch(text, '([^;,]+),(%d+),(%d+)') do
    place.holds[id] = { expected = tonumber(expected), ends = tonumber(ends) }
    place.expected = math.max(place.expected, tonumber(expected))
  end
end

local function place_load(k, recipient)
  local place = { bucket = bucket_of(recipient), member = member_of(recipient), counted = 0, ends = 0,
    expected = 0, holds = {} }
  place.slot = place.bucket .. ':' .. place.member
  place.text = redis.call('GET', k.places .. place.bucket) or ''
  local at = entry_at(place.text, place.member)
  if not at then return place end
  place.at, place.ends = at, stamped(place.text, at + NAME)
  local text = holds_of(k, place.slot)
  place.counted = text and tonumber(string.match(text, '^%d+')) or place.ends
  place.expected = place.counted
  if text then read_holds(place, text) end
  return place
end

-- Another place of the same string may have been saved since this one was loaded.
local function place_found(k, place)
  if not rewritten[k.places .. place.bucket] then return place.text, place.at end
  local text = redis.call('GET', k.places .. place.bucket) or ''
  return text, entry_at(text, place.member)
end

local function place_drop(k, place)
  local text, at = place_found(k, place)
  rewritten[k.places .. place.bucket] = true
  text = string.sub(text, 1, at - 1) .. string.sub(text, at + ENTRY)
  if #text > HEAD then redis.call('SET', k.places .. place.bucket, text)
  else redis.call('DEL', k.places .. place.bucket) end
end

local function place_write(k, bucket, member, text, ends, at)
  local key = k.places .. bucket
  rewritten[key] = true
  place_put(k, key, bucket, member, text, ends, at)
end

local function place_save(k, place, now)
  local ends, expected, holds = place.counted, place.counted, {}
  for id, hold in pairs(place.holds) do
    -- A hold that has ended keeps nothing: carried on, it would stay for as long as the recipient is written to.
    if hold.ends > now then
      ends, expected = math.max(ends, hold.ends), math.max(expected, hold.expected)
      holds[#holds + 1] = id .. ',' .. digits(hold.expected) .. ',' .. digits(hold.ends)
    end
  end
  local held = place.ends > 0
  if ends <= now then
    if not held then return 0 end
    place_drop(k, place)
    holds_drop(k, place.slot)
    expect(k, place.expected, -1)
    use(k, -1)
    return -1
  end
  if ends ~= place.ends then
    local text, at = place.text, nil
    if held then text, at = place_found(k, place) end
    place_write(k, place.bucket, place.member, text, ends, at)
  end
  if #holds > 0 then
    holds_put(k, place.slot, digits(place.counted) .. ';' .. table.concat(holds, ';'))
  elseif held then
    holds_drop(k, place.slot)
  end
  if math.ceil(expected / 1000) ~= math.ceil(place.expected / 1000) then
    expect(k, place.expected, -1)
    expect(k, expected, 1)
  end
  if held then return 0 end
  use(k, 1)
  return 1
end

-- Frees what has ended in one string of places; how many that were.
local function sweep_bucket(k, bucket, now)
  local key, kept, first, freed = k.places .. bucket, {}, nil, 0
  local text = redis.call('GET', key) or ''
  rewritten[key] = true
  for at = HEAD + 1, #text, ENTRY do
    local ends = stamped(text, at + NAME)
    if ends > now then
      kept[#kept + 1] = string.sub(text, at, at + ENTRY - 1)
      first = math.min(first or ends, ends)
    else
      local slot = bucket .. ':' .. string.sub(text, at, at + NAME - 1)
      local place, holds = { expected = ends, holds = {} }, holds_of(k, slot)
      if holds then
        place.expected = tonumber(string.match(holds, '^%d+'))
        read_holds(place, holds)
        holds_drop(k, slot)
      end
      expect(k, place.expected, -1)
      freed = freed + 1
    end
  end
  if first then
    redis.call('SET', key, stamp(first) .. table.concat(kept))
    redis.call('ZADD', k.calendar, digits(first), bucket)
  else
    redis.call('DEL', key)
    redis.call('ZREM', k.calendar, bucket)
  end
  if freed > 0 then use(k, -freed) end
  return freed
end

-- Frees places that have ended, until fewer than `wanted` are used; 0: nobody waits for them. `used`: what is used now;
-- what is used then. `budget`: most strings to look at; where nobody waits most places to free, of which there may be a
-- million.
local function sweep(k, now, used, wanted, budget)
  while (wanted == 0 or used >= wanted) and budget > 0 do
    local bucket = redis.call('ZRANGEBYSCORE', k.calendar, '-inf', digits(now), 'LIMIT', 0, 1)[1]
    if not bucket then break end
    local freed = sweep_bucket(k, bucket, now)
    used = used - freed
    budget = budget - (wanted > 0 and 1 or math.max(1, freed))
  end
  return used
end
