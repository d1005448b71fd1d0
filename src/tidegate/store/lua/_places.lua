-- places: who holds a place of the messaging limit, and until when.
--
-- Recipients are spread by hash over small sorted sets, which the server keeps packed (about 20 bytes a recipient
-- instead of 80). `calendar` tells which of them is due next, so that freeing places never walks through all.
-- A place ends at the later of its counted end (a delivery + 24 h) and the ends of its holds: messages whose fate is
-- unknown. `used` counts the places whose end has not been swept yet; a place is held while its end > now.
local function digits(ms) return string.format('%.0f', ms) end

local function expect(k, at, change)
  if at <= 0 then return end
  local second = digits(math.ceil(at / 1000))
  if redis.call('HINCRBY', k.releases, second, change) <= 0 then redis.call('HDEL', k.releases, second) end
end

local function read_holds(place, text)
  for id, expected, ends in string.gmatch(text, '([^;,]+),(%d+),(%d+)') do
    place.holds[id] = { expected = tonumber(expected), ends = tonumber(ends) }
    place.expected = math.max(place.expected, tonumber(expected))
  end
end

local function place_load(k, recipient)
  local high, low = string.byte(recipient, 1, 2)
  local place = { bucket = digits((high * 256 + low) % 16384), member = string.sub(recipient, 3, 9),
    counted = 0, ends = 0, expected = 0, holds = {} }
  place.slot = place.bucket .. ':' .. place.member
  local ends = redis.call('ZSCORE', k.places .. place.bucket, place.member)
  if not ends then return place end
  place.ends = tonumber(ends)
  local text = redis.call('HGET', k.holds, place.slot)
  place.counted = text and tonumber(string.match(text, '^%d+')) or place.ends
  place.expected = place.counted
  if text then read_holds(place, text) end
  return place
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
    redis.call('ZREM', k.places .. place.bucket, place.member)
    redis.call('HDEL', k.holds, place.slot)
    expect(k, place.expected, -1)
    redis.call('HINCRBY', k.ledger, 'used', -1)
    return -1
  end
  redis.call('ZADD', k.places .. place.bucket, digits(ends), place.member)
  redis.call('ZADD', k.calendar, 'LT', digits(ends), place.bucket)
  if #holds > 0 then
    redis.call('HSET', k.holds, place.slot, digits(place.counted) .. ';' .. table.concat(holds, ';'))
  elseif held then
    redis.call('HDEL', k.holds, place.slot)
  end
  if math.ceil(expected / 1000) ~= math.ceil(place.expected / 1000) then
    expect(k, place.expected, -1)
    expect(k, expected, 1)
  end
  if held then return 0 end
  redis.call('HINCRBY', k.ledger, 'used', 1)
  return 1
end

local function sweep(k, now, used, wanted, budget)
  while used >= wanted and budget > 0 do
    local bucket = redis.call('ZRANGEBYSCORE', k.calendar, '-inf', digits(now), 'LIMIT', 0, 1)[1]
    if not bucket then break end
    local due = redis.call('ZRANGEBYSCORE', k.places .. bucket, '-inf', digits(now), 'WITHSCORES')
    for i = 1, #due, 2 do
      local place = { expected = tonumber(due[i + 1]), holds = {} }
      local text = redis.call('HGET', k.holds, bucket .. ':' .. due[i])
      if text then
        place.expected = tonumber(string.match(text, '^%d+'))
        read_holds(place, text)
        redis.call('HDEL', k.holds, bucket .. ':' .. due[i])
      end
      expect(k, place.expected, -1)
    end
    if #due > 0 then
      redis.call('ZREMRANGEBYSCORE', k.places .. bucket, '-inf', digits(now))
      used = redis.call('HINCRBY', k.ledger, 'used', -#due / 2)
    end
    local first = redis.call('ZRANGE', k.places .. bucket, 0, 0, 'WITHSCORES')
    if first[1] then redis.call('ZADD', k.calendar, first[2], bucket) else redis.call('ZREM', k.calendar, bucket) end
    budget = budget - 1
  end
  return used
end
