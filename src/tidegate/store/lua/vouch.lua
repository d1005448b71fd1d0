-- vouch: nodes have said all that they know; the last one to do so makes the books whole.
-- uses: keys, time
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 era of the books that they vouch for, then the nodes; none: an operator takes the books as they are
--
-- Returns now, the epoch, how many still owe (-1: these are other books), 1 if the books are whole from now on.
local k, now = keys_of(0), now_ms(KEYS[1])
local ledger = redis.call('HMGET', k.ledger, 'era', 'held_until', 'epoch')
local epoch = tonumber(ledger[3] or 0)
if ledger[1] ~= ARGV[1] then return { now, epoch, -1, 0 } end

local vouching, owing = {}, 0
for i = 2, #ARGV do vouching[ARGV[i]] = true end
local all = redis.call('HGETALL', k.nodes)
for i = 1, #all, 2 do
  local owes, heard = string.match(all[i + 1], '^(%d) (%d+)$')
  if owes == '1' then
    if #ARGV == 1 or vouching[all[i]] then redis.call('HSET', k.nodes, all[i], '0 ' .. heard)
    else owing = owing + 1 end
  end
end
if owing > 0 or tonumber(ledger[2] or 0) == 0 then return { now, epoch, owing, 0 } end
redis.call('HSET', k.ledger, 'held_until', 0)
return { now, redis.call('HINCRBY', k.ledger, 'epoch', 1), 0, 1 }
