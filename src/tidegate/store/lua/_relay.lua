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

-- Takes one out of its line; whether it was there. A line without any is no line.
local function relay_remove(k, app, line, id)
  local line_key = k.relay .. 'line:' .. app .. ':' .. line
  redis.call('LREM', line_key, 1, id)
  if redis.call('EXISTS', line_key) == 0 then redis.call('ZREM', k.relay .. 'due:' .. app, line) end
  return redis.call('ZREM', k.relay .. 'order:' .. app, id) == 1
end

local function relay_bury(k, app, line, id, now, keep, cause)
  if not relay_remove(k, app, line, id) then return false end
  redis.call('HSET', relay_item(k, app, id), 'died_at', now, 'error', cause)
  redis.call('ZADD', k.relay .. 'dead:' .. app, relay_digits(now), id)
  for _, key in ipairs({ relay_item(k, app, id), k.relay .. 'dead:' .. app }) do redis.call('PEXPIRE', key, keep) end
  return true
end
