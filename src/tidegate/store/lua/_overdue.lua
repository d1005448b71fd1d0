-- overdue: when those were admitted (ms) whose outcome should have come by now, of what was admitted until `before`: fields
-- of the ledger (_intents.lua).
local function intents_overdue(k, before)
  local overdue = {}
  for _, field in ipairs(redis.call('HKEYS', k.ledger)) do
    local admitted = string.find(field, '^%d+$') and field + 0
    if admitted and admitted <= before then overdue[#overdue + 1] = field end
  end
  return overdue
end
