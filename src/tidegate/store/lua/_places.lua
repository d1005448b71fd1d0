-- places: who holds a place of the messaging limit, and until when.
--
-- Recipients are spread by hash over small strings, 13 bytes each: 7 of the recipient's 16, and the end of its place (ms,
-- 6 bytes). Before them stand 6 bytes: never earlier than `calendar` looks into the string, which is never later than its
-- earliest end; so a new place touches the calendar only where it ends first, and freeing never walks through all.
-- A place ends at the later of its counted end (a delivery + 24 h) and the ends of its holds: messages whose fate is
-- unknown. `used` counts the places whose end has not been swept yet; a place is held while its end > now.
local HEAD, NAME, ENTRY = 6, 7, 13
-- The sends of a call have most of their times in common: each is written once.
local known_digits, known_stamps = {}, {}
local function digits(ms)
  local text = known_digits[ms]
  if not text then
    text = string.format('%d', ms)
    known_digits[ms] = text
  end
  return text
end

local function stamp(ms)
  local text = known_stamps[ms]
  if not text then
    local floor = math.floor
    text = string.char(floor(ms / 1099511627776), floor(ms / 4294967296) % 256, floor(ms / 16777216) % 256,
      floor(ms / 65536) % 256, floor(ms / 256) % 256, ms % 256)
    known_stamps[ms] = text
  end
  return text
end

local function stamped(text, from)
  local a, b, c, d, e, f = string.byte(text, from, from + 5)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
end

local function entry_at(text, member)
  local at = string.find(text, member, HEAD + 1, true)
  while at and (at - HEAD) % ENTRY ~= 1 do at = string.find(text, member, at + 1, true) end
  return at
end

local function bucket_of(recipient)
  local high, low = string.byte(recipient, 1, 2)
  return digits((high * 256 + low) % 4096)
end

-- What a call for many sends adds up, and writes once: places used, those that come free by the second, and holds. What it
-- reads at once: strings of places, until one of them may have changed.
local later
local near = {}
local function places_later() later = {} end

local function places_near(k, recipients)
  local keys = {}
  for i, recipient in ipairs(recipients) do keys[i] = k.places .. bucket_of(recipient) end
  for i, text in ipairs(redis.call('MGET', unpack(keys))) do near[keys[i]] = text or '' end
end

local function place_text(key)
  local text = near[key]
  near[key] = nil
  return text or redis.call('GET', key) or ''
end

local function sums_of(k)
  local sums = later[k.ledger]
  if not sums then
    sums = { k = k, used = 0, releases = {}, holds = {} }
    later[k.ledger] = sums
  end
  return sums
end

local function release_write(k, second, change)
  if redis.call('HINCRBY', k.releases, second, change) <= 0 then redis.call('HDEL', k.releases, second) end
end

local function places_write()
  for _, sums in pairs(later) do
    if sums.used ~= 0 then redis.call('HINCRBY', sums.k.ledger, 'used', sums.used) end
    for second, change in pairs(sums.releases) do
      if change ~= 0 then release_write(sums.k, digits(second), change) end
    end
    local holds = {}
    for slot, text in pairs(sums.holds) do
      holds[#holds + 1] = slot
      holds[#holds + 1] = text
    end
    if #holds > 0 then redis.call('HSET', sums.k.holds, unpack(holds)) end
  end
  later = nil
end

local function used_of(k)
  return tonumber(redis.call('HGET', k.ledger, 'used') or 0) + (later and sums_of(k).used or 0)
end

local function use(k, change)
  if later then sums_of(k).used = sums_of(k).used + change
  else redis.call('HINCRBY', k.ledger, 'used', change) end
end

local function expect(k, at, change)
  if at <= 0 then return end
  local second = math.ceil(at / 1000)
  if not later then return release_write(k, digits(second), change) end
  local releases = sums_of(k).releases
  releases[second] = (releases[second] or 0) + change
end

local function holds_of(k, slot)
  local text = later and sums_of(k).holds[slot]
  return text or redis.call('HGET', k.holds, slot)
end

local function holds_drop(k, slot)
  if later then sums_of(k).holds[slot] = nil end
  redis.call('HDEL', k.holds, slot)
end

local function holds_put(k, slot, text)
  if later then sums_of(k).holds[slot] = text else redis.call('HSET', k.holds, slot, text) end
end

local function read_holds(place, text)
  for id, expected, ends in string.gmatch(text, '([^;,]+),(%d+),(%d+)') do
    place.holds[id] = { expected = tonumber(expected), ends = tonumber(ends) }
    place.expected = math.max(place.expected, tonumber(expected))
  end
end

local function place_load(k, recipient)
  local place = { bucket = bucket_of(recipient), member = string.sub(recipient, 3, 9), counted = 0, ends = 0,
    expected = 0, holds = {} }
  place.slot = place.bucket .. ':' .. place.member
  place.text = place_text(k.places .. place.bucket)
  local at = entry_at(place.text, place.member)
  if not at then return place end
  place.ends = stamped(place.text, at + NAME)
  local text = holds_of(k, place.slot)
  place.counted = text and tonumber(string.match(text, '^%d+')) or place.ends
  place.expected = place.counted
  if text then read_holds(place, text) end
  return place
end

-- Another place of the same string may have been saved since this one was loaded.
local function place_found(k, place)
  local text = redis.call('GET', k.places .. place.bucket) or ''
  return text, entry_at(text, place.member)
end

local function place_put(k, place, ends)
  local key, was_empty = k.places .. place.bucket, place.text == ''
  local entry, at = place.member .. stamp(ends), nil
  if place.ends > 0 then at = select(2, place_found(k, place)) end
  if at then redis.call('SETRANGE', key, at - 1, entry)
  elseif not (was_empty and redis.call('SET', key, stamp(ends) .. entry, 'NX'))
    and redis.call('APPEND', key, entry) == ENTRY then
    -- The last of the others was dropped since this one was loaded, and the string with it.
    redis.call('SET', key, stamp(ends) .. entry)
    was_empty = true
  end
  if was_empty or ends < stamped(place.text, 1) then
    if not was_empty then redis.call('SETRANGE', key, 0, stamp(ends)) end
    redis.call('ZADD', k.calendar, 'LT', digits(ends), place.bucket)
  end
end

local function place_drop(k, place)
  local text, at = place_found(k, place)
  text = string.sub(text, 1, at - 1) .. string.sub(text, at + ENTRY)
  if #text > HEAD then redis.call('SET', k.places .. place.bucket, text)
  else redis.call('DEL', k.places .. place.bucket) end
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
  if ends ~= place.ends then place_put(k, place, ends) end
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
  local text = place_text(key)
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

-- `used`: what is used now; what is used then.
local function sweep(k, now, used, wanted, budget)
  while used >= wanted and budget > 0 do
    local bucket = redis.call('ZRANGEBYSCORE', k.calendar, '-inf', digits(now), 'LIMIT', 0, 1)[1]
    if not bucket then break end
    used = used - sweep_bucket(k, bucket, now)
    budget = budget - 1
  end
  return used
end
