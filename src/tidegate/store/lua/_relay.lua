-- relay: what waits to be handed to an app. `order` holds every item that waits by when it was taken; `line` those of
-- one user in their order; `due` the lines by when the first of each may be tried, or by when the claim of it lapses.
local function relay_digits(ms) return string.format('%.0f', ms) end

local function relay_item(k, app, id) return k.relay .. 'item:' .. app .. ':' .. id end

local function relay_append(k, app, line, id, now, keep)
  local line_key, due, order = k.relay .. 'line:' .. app .. ':' .. line, k.relay .. 'due:' .. app, k.relay .. 'order:' .. app
  redis.call('RPUSH', line_key, id)
  redis.call('ZADD', due, 'NX', relay_digits(now), line)
  redis.call('ZADD', order, relay_digits(now), id)
  for _, key in ipairs({ line_key, due, order, relay_item(k, app, id) }) do redis.call('PEXPIRE', key, keep) end
end

-- What an item takes beside its body, in its line and lists: 620 bytes with ten in a line, 900 alone in it (measured).
local RELAY_BESIDE = 800

-- Notes that an app's items take so much more, or less: those among them too that were kept when nobody noted it.
local function relay_weigh(k, app, bytes)
  local state = k.relay .. 'app:' .. app
  if redis.call('HINCRBY', state, 'bytes', bytes) < 0 then redis.call('HSET', state, 'bytes', 0) end
end

-- Takes one out of its line; whether it was there. A line without any is no line.
local function relay_remove(k, app, line, id)
  local line_key = k.relay .. 'line:' .. app .. ':' .. line
  redis.call('LREM', line_key, 1, id)
  if redis.call('EXISTS', line_key) == 0 then redis.call('ZREM', k.relay .. 'due:' .. app, line) end
  return redis.call('ZREM', k.relay .. 'order:' .. app, id) == 1
end

-- Forgets one that is in no line any more.
local function relay_forget(k, app, id)
  local size = redis.call('HSTRLEN', relay_item(k, app, id), 'body')
  if redis.call('DEL', relay_item(k, app, id)) == 1 then relay_weigh(k, app, -size - RELAY_BESIDE) end
end

local function relay_bury(k, app, line, id, now, keep, cause)
  if not relay_remove(k, app, line, id) then return false end
  redis.call('HSET', relay_item(k, app, id), 'died_at', now, 'error', cause)
  redis.call('ZADD', k.relay .. 'dead:' .. app, relay_digits(now), id)
  for _, key in ipairs({ relay_item(k, app, id), k.relay .. 'dead:' .. app }) do redis.call('PEXPIRE', key, keep) end
  return true
end

-- What a message's sender was given as its id: 'gateway', 'wamid', or '' while that is open (or asked of no message).
local function relay_given(k, message)
  if message == '' then return '' end
  local record = message_read(k, message, 'state', 'given', 'answered', 'history')
  if record[2] then return 'gateway' end
  if not record[1] or record[3] or string.find(record[4] or '', ' accepted ', 1, true) then return 'wamid' end
  return ''
end
