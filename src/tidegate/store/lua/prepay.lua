-- prepay: lease places to a node in advance, which it may fill while it can not ask.
-- uses: keys, time
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 node, 2 places that it would like, 3 most that all nodes together may have, 4 places that may be used at all
--         (-1 no limit), 5 ms within which the node may fill them, 6 ms for which they count after that, 7 ms for which
--         none is given after they were called back (`call_back`)
--
-- Returns now, the places that the node has now, those of all nodes, until when the node may fill its own (ms). A lease
-- is the node's until it asks again or its time has passed: nobody else can take it away. Running again changes nothing.
local k, now = keys_of(0), now_ms(KEYS[1])
local node, wanted, most, limit, fills = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local lasts = fills + tonumber(ARGV[6])
local function text(number) return string.format('%.0f', number) end

local others = 0
local leases = redis.call('HGETALL', k.prepaid)
for i = 1, #leases, 2 do
  local places, ends = string.match(leases[i + 1], '^(%d+) (%d+)$')
  if leases[i] ~= node and tonumber(ends) > now then others = others + tonumber(places)
  else redis.call('HDEL', k.prepaid, leases[i]) end
end

local ledger = redis.call('HMGET', k.ledger, 'used', 'prepaid', 'recalled_at', 'held_until')
local given = math.min(wanted, most - others)
if limit >= 0 then given = math.min(given, limit - others - tonumber(ledger[1] or 0)) end
-- Books that may miss some places have none to give away.
if ledger[3] and tonumber(ledger[3]) + tonumber(ARGV[7]) > now or tonumber(ledger[4] or 0) > now then given = 0 end
given = math.max(0, given)

if given > 0 then
  redis.call('HSET', k.prepaid, node, text(given) .. ' ' .. text(now + lasts))
  redis.call('PEXPIRE', k.prepaid, text(lasts))
end
if others + given ~= tonumber(ledger[2] or 0) then
  redis.call('HSET', k.ledger, 'prepaid', text(others + given))
  redis.call('HINCRBY', k.ledger, 'epoch', 1)
end
return { now, given, others + given, now + fills }
