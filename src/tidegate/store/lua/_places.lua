-- places: who holds a place of the messaging limit, and until when.
--
-- Recipients are spread by hash over small strings, 13 bytes each: 7 of the recipient's 16, and the end of its place (ms,
-- 6 bytes). Before them stand 6 bytes: never earlier than `calendar` looks into the string, which is never later than its
-- earliest end; so a new place touches the calendar only where it ends first, and freeing never walks through all.
-- A place ends at the later of its counted end (a delivery + 24 h) and the ends of its holds: messages whose fate is
-- unknown. `used` counts the places whose end has not been swept yet; a place is held while its end > now.
local HEAD, NAME, ENTRY = 6, 7, 13
-- The messages of a call have most of their times in common: each is written once.
local known_digits, last_stamp, last_stamped = {}, '', -1
local function digits(ms)
  local text = known_digits[ms]
  if not text then
    text = string.format('%d', ms)
    known_digits[ms] = text
  end
  return text
end

local function stamp(ms)
  if ms ~= last_stamped then
    local floor = math.floor
    last_stamp = string.char(floor(ms / 1099511627776), floor(ms / 4294967296) % 256, floor(ms / 16777216) % 256,
      floor(ms / 65536) % 256, floor(ms / 256) % 256, ms % 256)
    last_stamped = ms
  end
  return last_stamp
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
  return string.format('%d', (high * 256 + low) % 4096)
end

local function member_of(recipient) return string.sub(recipient, 3, 9) end

-- What a call for many sends adds up, and writes once: places used, those that come free by the second, and holds. And
-- which strings of places it has written, so that what was read of them at once holds no longer.
local later
local rewritten = {}
local function places_later() later = {} end

local function sums_of(k)
  local sums = later[k.ledger]
  if not sums then
    sums = { k = k, used = 0, told = false, releases = {}, holds = {} }
    later[k.ledger] = sums
  end
  return sums
end

local function release_write(k, second, change)
  if redis.call('HINCRBY', k.releases, second, change) <= 0 then redis.call('HDEL', k.releases, second) end
end

local function places_write()
  for _, sums in pairs(later) do
    if sums.used ~= 0 and not sums.told then redis.call('HINCRBY', sums.k.ledger, 'used', sums.used) end
    for second, change in pairs(sums.releases) do
      if change ~= 0 then release_write(sums.k, digits(second), change) end
    end
    local holds, dropped = {}, {}
    for slot, text in pairs(sums.holds) do
      if text then holds[#holds + 1], holds[#holds + 2] = slot, text else dropped[#dropped + 1] = slot end
    end
    if holds[1] then redis.call('HSET', sums.k.holds, unpack(holds)) end
    if dropped[1] then redis.call('HDEL', sums.k.holds, unpack(dropped)) end
  end
  later = nil
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

local function holds_put(k, slot, text)
  if later then sums_of(k).holds[slot] = text else redis.call('HSET', k.holds, slot, text) end
end

-- Writes the end of a place: where it stands in its string already (`at`), or else behind the others, which were `text`
-- when they were read.
local function place_put(k, bucket, member, text, ends, at)
  local key, stamp_of_end, was_empty = k.places .. bucket, stamp(ends), text == ''
  local entry = member .. stamp_of_end
  rewritten[key] = true
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
    redis.call('ZADD', k.calendar, 'LT', digits(ends), bucket)
  end
end

-- The first place of a recipient who has none, for a message of unknown fate: what `place_save` comes to for that, in
-- fewer steps, for most sends are such. `times`: ",<expected>,<ends>". Returns how many more places are used by it.
local function place_begin(k, bucket, member, text, id, expected, ends, times)
  place_put(k, bucket, member, text, ends)
  holds_put(k, bucket .. ':' .. member, '0;' .. id .. times)
  expect(k, expected, 1)
  use(k, 1)
  return 1
end
