-- places: who holds a place of the messaging limit, and until when.
--
-- Recipients are spread by hash over small strings, 13 bytes each: 7 of the recipient's 16, and the end of its place (ms,
-- 6 bytes). Before them stand 6 bytes: never earlier than `calendar` looks into the string, which is never later than its
-- earliest end; so a new place touches the calendar only where it ends first, and freeing never walks through all.
-- A place ends at the later of its counted end (a delivery + 24 h) and the ends of its holds: messages whose fate is
-- unknown. `used` counts the places whose end has not been swept yet; a place is held while its end > now.
local HEAD, NAME, ENTRY = 6, 7, 13
local byte, sub, format = string.byte, string.sub, string.format
-- So long a string is written anew with what is added to it, where many of a call are; a longer one is added to.
local SHORT = 256
-- The messages of a call have most of their times in common: each is written once.
local known_digits, last_stamp, last_stamped = {}, '', -1
local function digits(ms)
  local text = known_digits[ms]
  if not text then
    text = format('%d', ms)
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
  local a, b, c, d, e, f = byte(text, from, from + 5)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
end

local function entry_at(text, member)
  local at = string.find(text, member, HEAD + 1, true)
  while at and (at - HEAD) % ENTRY ~= 1 do at = string.find(text, member, at + 1, true) end
  return at
end

local function bucket_of(recipient)
  local high, low = byte(recipient, 1, 2)
  return format('%d', (high * 256 + low) % 4096)
end

local function member_of(recipient) return sub(recipient, 3, 9) end
