-- proofs: what a call's deliveries prove of the places that their messages hold, by the time `now`; and what is asked of
-- their users with these. `anew`: beginnings of the names of their counts.

-- The keys of what is counted of a user, after those before.
local function counts_of(k, recipient, keys)
  -- Whose it was nobody knows, of a message that was proven unsent before it was begun.
  if #recipient < 16 then return end
  local hex = format('%08x%08x%08x%08x', struct.unpack('>I4I4I4I4', recipient))
  for name = 1, #anew do keys[#keys + 1] = k.count .. anew[name] .. hex end
end

-- What a call asks of the users and places of its deliveries at once, by portfolio and recipient: `texts` are the strings
-- of places by their keys, as this call leaves them. `is_nobody`: nothing is known of any of these users, or counted. What
-- it writes of them at once: when strings of places end first (`firsts`), slots of holds that are over (`dropped`), and by
-- second how many places more, or less, are expected to come free (`curve`).
local near_places = {}
local function places_near(k, recipients)
  local texts, n, places, user = {}, #recipients, k.places, k.user
  local near, keys, slots, known = { texts = texts, firsts = {}, dropped = {}, curve = {}, is_nobody = false }, {}, {}, {}
  near_places[k] = near
  for i = 1, n do
    local recipient = recipients[i]
    local bucket, member = bucket_of(recipient), sub(recipient, 3, 9)
    local key, slot = places .. bucket, bucket .. ':' .. member
    near[recipient] = { bucket = bucket, key = key, member = member, slot = slot, held = false }
    keys[i], slots[i], known[i] = key, slot, user .. recipient
  end
  if anew[1] then
    for i = 1, n do counts_of(k, recipients[i], known) end
  end
  near.is_nobody = redis.call('EXISTS', unpack(known)) == 0
  local read, holds = redis.call('MGET', unpack(keys)), redis.call('HMGET', k.holds, unpack(slots))
  for i = 1, n do texts[keys[i]], near[recipients[i]].held = read[i], holds[i] end
end

-- Whether nothing is known of a user, nor counted.
local function is_unknown(k, recipient)
  local near = near_places[k]
  return near and near.is_nobody and near[recipient] ~= nil
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
  local seen = near and near[recipient]
  local text, held = seen and near.texts[seen.key], seen and seen.held
  if not text or not held or #text > SHORT then return false end
  local at = entry_at(text, seen.member)
  if not at then return false end
  local before, holder, expected = string.match(held, '^(%d+);([^;,]+),(%d+),%d+$')
  if holder ~= id then return false end
  before, expected = before + 0, expected + 0
  if before > expected then expected = before end
  if before > counted then counted = before end
  if counted <= now then return false end
  if counted ~= stamped(text, at + NAME) then
    local ends, is_alone = stamp(counted), #text == HEAD + ENTRY
    local first = string.sub(text, 1, HEAD)
    if is_alone or counted < stamped(text, 1) then
      local last = #near.firsts
      first, near.firsts[last + 1], near.firsts[last + 2] = ends, counted, seen.bucket
    end
    text = is_alone and first .. seen.member .. ends
      or first .. string.sub(text, HEAD + 1, at + NAME - 1) .. ends .. string.sub(text, at + ENTRY)
    near.texts[seen.key] = text
    text_put(0, seen.key, text)
  end
  seen.held, near.dropped[#near.dropped + 1] = false, seen.slot
  local curve, before_it, second = near.curve, math.ceil(expected / 1000), math.ceil(counted / 1000)
  if second ~= before_it then
    curve[before_it] = (curve[before_it] or 0) - 1
    curve[second] = (curve[second] or 0) + 1
  end
  return true
end
