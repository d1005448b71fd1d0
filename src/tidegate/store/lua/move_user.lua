-- move_user: count under a user's name what was counted under an alias of theirs, and whatever still comes for it.
-- uses: keys, time, message, places, holders, shares, queue, names
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 alias, 2 the user's name (16 bytes each), then the numbers whose pairs with the alias are moved
--
-- Returns now, then 1 if a place came free, for both names held one. Places become one with the later of their ends
-- and all holds; of windows the later one stays; turns are added up, as if all had been sent under one name. Messages
-- that hold a place or are queued become the user's; those that do neither find the user by the alias (_names.lua).
-- Running again changes nothing.
local k, now = keys_of(0), now_ms(KEYS[1])
local alias, user = ARGV[1], name_of(k, ARGV[2])
if user == alias then return { now, 0 } end

-- A name that is forgotten in between is no alias any more, and what it counted is moved all the same.
if redis.call('EXISTS', k.user .. alias) == 1 then redis.call('HSET', k.user .. alias, 's', user) end

local function becomes_theirs(id)
  if redis.call('EXISTS', k.message .. id) == 1 then message_set(k, id, 'recipient', user) end
end

local function move_place(book)
  local from = place_load(book, alias)
  if from.ends <= 0 then return 0 end
  local to = place_load(book, user)
  for id, hold in pairs(from.holds) do
    to.holds[id] = hold
    becomes_theirs(id)
  end
  to.counted = math.max(to.counted, from.counted)
  from.holds, from.counted = {}, 0
  place_save(book, from, now)
  place_save(book, to, now)
  return (from.ends > now and to.ends > now) and 1 or 0
end

local freed = move_place(k)
for _, book in ipairs(share_books(k)) do move_place(book) end

for id in string.gmatch(redis.call('HGET', k.queued_for, alias) or '', '%S+') do
  becomes_theirs(id)
  queued_for(k, user, id, true)
end
redis.call('HDEL', k.queued_for, alias)

local function pair_of(number, name)
  local found = redis.call('GET', k.pair .. number .. ':' .. name) or '0 0'
  local ends, tat = string.match(found, '^(%d+) (%d+)$')
  return tonumber(ends), tonumber(tat)
end

local window = 0
for i = 3, #ARGV do
  local ends, tat = pair_of(ARGV[i], alias)
  redis.call('DEL', k.pair .. ARGV[i] .. ':' .. alias)
  if ends > now or tat > now then
    local own_ends, own_tat = pair_of(ARGV[i], user)
    ends = math.max(ends, own_ends)
    tat = math.max(tat, own_tat) + math.max(0, math.min(tat, own_tat) - now)
    redis.call('SET', k.pair .. ARGV[i] .. ':' .. user, digits(ends) .. ' ' .. digits(tat),
      'PX', digits(math.max(ends, tat) - now + 1000))
    window = math.max(window, ends)
  end
  -- The last message that reached the user tells whose STOP an answer is; and since when the user waits for one.
  for _, what in ipairs({ '', 'marketing:', 'asked:' }) do
    local begins = k.reached .. what .. ARGV[i] .. ':'
    local reached, own = begins .. alias, begins .. user
    if redis.call('EXISTS', reached) == 1 then
      if redis.call('PTTL', reached) > redis.call('PTTL', own) then redis.call('RENAME', reached, own)
      else redis.call('DEL', reached) end
    end
  end
end

if window > now or place_load(k, user).ends > now then wake_queued(k, user, now) end
return { now, freed }
