-- places: who holds a place of the messaging limit, and until when.
--
-- Recipients are spread by hash over small strings, 13 bytes each: 7 of the recipient's 16, and the end of its place (ms,
-- 6 bytes). Before them stand 6 bytes: never earlier than `calendar` looks into the string, which is never later than its
-- earliest end; so a new place touches the calendar only where it ends first, and freeing never walks through all.
-- A place ends at the later of its counted end (a delivery + 24 h) and the ends of its holds: messages whose fate is
-- unknown. `used` counts the places whose end has not been swept yet; a place is held while its end > now.
local HEAD, NAME, ENTRY = 6, 7, 13
-- So long a string is written anew with what is added to it, where many of a call are; a longer one is added to.
local SHORT = 512
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
    last_stamped = ms
    local f = ms % 256
    ms = (ms - f) / 256
    local e = ms % 256
    ms = (ms - e) / 256
    local d = ms % 256
    ms = (ms - d) / 256
    local c = ms % 256
    ms = (ms - c) / 256
    local b = ms % 256
    last_stamp = string.char((ms - b) / 256, b, c, d, e, f)
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
-- with all else in the ledger), those that come free by the second (`curve`, and `begun` in the second `begun_in`), and
-- holds: of new places (`held`: name, text ...), then all others (`holds`: by name, false for one that was dropped). By
-- `prefix` begin the names of the book's keys.
local function places_write(sums, begun_in)
  if sums.change ~= 0 and not sums.used then redis.call('HINCRBY', sums.ledger, 'used', sums.change) end
  if sums.begun > 0 then redis.call('HINCRBY', sums.prefix .. 'releases', begun_in, sums.begun) end
  if sums.curve then
    local releases = sums.prefix .. 'releases'
    for second, change in pairs(sums.curve) do
      if change ~= 0 and redis.call('HINCRBY', releases, second, change) <= 0 then redis.call('HDEL', releases, second) end
    end
  end
  if sums.held[1] then redis.call('HSET', sums.prefix .. 'holds', unpack(sums.held)) end
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
