-- proofs: what a call's deliveries prove of the places that their messages hold, by the time `now`; and what is asked of
-- their users with these. `anew`: beginnings of the names of their counts.

-- The keys of what is counted of a user, after those before.
local function counts_of(k, recipient, keys)
  -- Whose it was nobody knows, of a message that was proven unsent before it was begun.
  if #recipient < 16 then return end
  local hex = format('%08x%08x%08x%08x', struct.unpack('>I4I4I4I4', recipient))
  for name = 1, #anew do keys[#keys + 1] = k.count .. anew[name] .. hex end
end

-- What a call asks of the users and places of its deliveries at once, by portfolio: of each recipient, by which of them it
-- is, the key of their string of places, their slot and what it holds; `texts` are the strings by their keys, as this call
-- leaves them. `is_nobody`: nothing is known of any of these users, or counted. What it writes of them at once: when strings
-- of places end first (`firsts`), slots of holds that are over (`dropped`), and by second how many places more, or less, are
-- expected to come free (`curve`).
local near_places = {}
local function places_near(k, recipients)
  local which, buckets, keys, slots, known, texts = {}, {}, {}, {}, {}, {}
  local n, places, user = #recipients, k.places, k.user
  for i = 1, n do
    local recipient = recipients[i]
    local bucket = bucket_of(recipient)
    which[recipient], buckets[i], keys[i] = i, bucket, places .. bucket
    slots[i], known[i] = bucket .. ':' .. sub(recipient, 3, 9), user .. recipient
  end
  if anew[1] then
    for i = 1, n do counts_of(k, recipients[i], known) end
  end
  local is_nobody, read = redis.call('EXISTS', unpack(known)) == 0, redis.call('MGET', unpack(keys))
  for i = 1, n do texts[keys[i]] = read[i] end
  near_places[k] = { which = which, buckets = buckets, keys = keys, texts = texts, slots = slots,
    holds = redis.call('HMGET', k.holds, unpack(slots)), is_nobody = is_nobody, firsts = {}, dropped = {}, curve = {} }
end

-- Whether nothing is known of a user, nor counted.
local function is_unknown(k, recipient)
  local near = near_places[k]
  return near and near.is_nobody and near.which[recipient] ~= nil
end

-- Under which name a user is counted, and what is known of them there.
local function user_of(k, recipient)
  local found = redis.call('HMGET', k.user .. recipient, 's', 'r')
  if not found[1] then return recipient, found[2] or '' end
  recipient = name_of(k, found[1])
  return recipient, redis.call('HGET', k.user .. recipient, 'r') or ''
end

-- Of a user's counts, of which some may not be empty, and the answers in which that is told: most have none, so that all of
-- a call are asked for at once.
local count_keys, count_tellings = {}, {}
local function look_at_counts(k, recipient, telling)
  counts_of(k, recipient, count_keys)
  for i = #count_tellings + 1, #count_keys do count_tellings[i] = telling end
end

local function tell_counts()
  if not count_keys[1] or redis.call('EXISTS', unpack(count_keys)) == 0 then return end
  for i, key in ipairs(count_keys) do
    if redis.call('EXISTS', key) == 1 then count_tellings[i][6] = 1 end
  end
end

-- Writes what this call has found of places so far: whoever else reads them finds it.
local function places_told()
  texts_write()
  for k, near in pairs(near_places) do
    if near.firsts[1] then redis.call('ZADD', k.calendar, 'LT', unpack(near.firsts)) end
    if near.dropped[1] then redis.call('HDEL', k.holds, unpack(near.dropped)) end
    for second, change in pairs(near.curve) do
      if change ~= 0 and redis.call('HINCRBY', k.releases, second, change) <= 0 then redis.call('HDEL', k.releases, second) end
    end
    near.texts, near.firsts, near.dropped, near.curve = {}, {}, {}, {}
  end
end

-- A place that is counted until then, and that no message holds but the one which is proven delivered: what `place_save`
-- comes to for that, in fewer steps, for most deliveries are such. False, and nothing is done, where it is another.
local function place_proven(k, recipient, id, counted)
  local near = near_places[k]
  local i = near and near.which[recipient]
  local held = i and near.holds[i]
  if not held then return false end
  local key = near.keys[i]
  local text, from = near.texts[key], find(held, id, 1, true)
  if not from or not text or #text > SHORT then return false end
  local at = entry_at(text, sub(recipient, 3, 9))
  -- "<counted>;<id>,<expected>,<ends>", and no other's.
  local before, expected = tonumber(sub(held, 1, from - 2)), string.match(held, '^,(%d+),%d+$', from + #id)
  if not at or not before or not expected then return false end
  expected = expected + 0
  if before > expected then expected = before end
  if before > counted then counted = before end
  if counted <= now then return false end
  if counted ~= stamped(text, at + NAME) then
    local ends, is_alone = stamp(counted), #text == HEAD + ENTRY
    local first = sub(text, 1, HEAD)
    if is_alone or counted < stamped(text, 1) then
      local firsts = near.firsts
      local last = #firsts
      first, firsts[last + 1], firsts[last + 2] = ends, counted, near.buckets[i]
    end
    text = first .. sub(text, HEAD + 1, at + NAME - 1) .. ends .. sub(text, at + ENTRY)
    near.texts[key] = text
    text_put(0, key, text)
  end
  near.holds[i], near.dropped[#near.dropped + 1] = false, near.slots[i]
  local curve, before_it, second = near.curve, math.ceil(expected / 1000), math.ceil(counted / 1000)
  if second ~= before_it then
    curve[before_it] = (curve[before_it] or 0) - 1
    curve[second] = (curve[second] or 0) + 1
  end
  return true
end
