-- overdue: when those were admitted (ms) whose outcome should have come by now, of what was admitted until `before`: fields
-- of the ledger (_intents.lua). That is read as a whole, which takes long where much is being sent: so only once the
-- earliest of what was found there the last time is overdue, or of what was admitted since (`sending_since`).
local function intents_overdue(k, before)
  local overdue, earliest, since = {}, nil, redis.call('HGET', k.ledger, 'sending_since')
  if not since or since + 0 > before then return overdue end
  for _, field in ipairs(redis.call('HKEYS', k.ledger)) do
    local admitted = string.find(field, '^%d+$') and field + 0
    if admitted then
      if admitted <= before then overdue[#overdue + 1] = field end
      if not earliest or admitted < earliest then earliest = admitted end
    end
  end
  -- A store that takes no writes now is looked at all the same.
  if earliest then redis.pcall('HSET', k.ledger, 'sending_since', digits(earliest))
  else redis.pcall('HDEL', k.ledger, 'sending_since') end
  return overdue
end
