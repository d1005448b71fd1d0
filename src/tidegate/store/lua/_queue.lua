-- queue: where a queued message stands. `lane` holds what is due at a time, `waiting` what needs a place.
local function queued_for(k, recipient, id, add)
  local ids = {}
  for other in string.gmatch(redis.call('HGET', k.queued_for, recipient) or '', '%S+') do
    if other ~= id then ids[#ids + 1] = other end
  end
  if add then ids[#ids + 1] = id end
  if #ids > 0 then redis.call('HSET', k.queued_for, recipient, table.concat(ids, ' '))
  else redis.call('HDEL', k.queued_for, recipient) end
end

local function lane_put(k, id, lane, due, place, since)
  if place then redis.call('ZADD', k.waiting .. lane, since, id)
  else redis.call('ZADD', k.lane .. lane, due, id) end
end

local function lane_drop(k, id, lane)
  redis.call('ZREM', k.lane .. lane, id)
  redis.call('ZREM', k.waiting .. lane, id)
  redis.call('ZREM', k.leases, id)
end

-- Lets what is queued for this recipient be tried at once: it no longer needs a new place.
local function wake_queued(k, recipient, now)
  local woken = 0
  for id in string.gmatch(redis.call('HGET', k.queued_for, recipient) or '', '%S+') do
    -- Of one that is queued no more the record may be no hash.
    local lane = redis.pcall('HMGET', k.message .. id, 'lane')[1]
    if lane and redis.call('ZREM', k.waiting .. lane, id) == 1 then
      redis.call('ZADD', k.lane .. lane, now, id)
      woken = woken + 1
    end
  end
  return woken
end
