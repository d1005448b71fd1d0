-- intents: what is being sent, known by when it was admitted, for a call admits many: in the ledger stands for each such
-- ms "<id> <id> ...", and at "<ms> left" how many of them are still being sent. Both go with the last, or when reap looks
-- at each. So no one may be counted twice as ended; that one never is does no harm.

-- How many of those that were admitted at a time (ms) are being sent no more.
local function intents_end(k, ended)
  local fields, counts, stay, go = {}, {}, {}, {}
  for admitted, count in pairs(ended) do
    local slot = #fields + 1
    fields[slot], counts[slot] = string.format('%d left', admitted), count
  end
  local stood = redis.call('HMGET', k.ledger, unpack(fields))
  for i = 1, #fields do
    local field, left = fields[i], (stood[i] or 0) - counts[i]
    if left > 0 then stay[#stay + 1], stay[#stay + 2] = field, left
    else go[#go + 1], go[#go + 2] = field, string.sub(field, 1, -6) end
  end
  if stay[1] then redis.call('HSET', k.ledger, unpack(stay)) end
  if go[1] then redis.call('HDEL', k.ledger, unpack(go)) end
end

-- The same of one whose record had more than its admission, and that was not answered until now.
local function intent_end(k, admitted, id)
  local field = string.format('%d', admitted)
  local ids = redis.call('HGET', k.ledger, field)
  local at = ids and string.find(' ' .. ids .. ' ', ' ' .. id .. ' ', 1, true)
  if at then
    redis.call('HSET', k.ledger, field, string.sub(ids, 1, at - 1) .. string.sub(ids, at + #id + 1))
    intents_end(k, { [admitted + 0] = 1 })
  end
end
