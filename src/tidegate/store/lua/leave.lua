-- leave: a node ends in order, and has written all that it knew.
-- uses: keys, time
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 era of the books that it wrote into, 2 the node
--
-- Returns now, 1 when it has left, 0 where these are other books or they wait for it. A server that has this word has
-- all that the node wrote before it: its writes are kept, and copied, in their order. Running again changes nothing.
local k, now = keys_of(0), now_ms(KEYS[1])
if redis.call('HGET', k.ledger, 'era') ~= ARGV[1] then return { now, 0 } end
local told = redis.call('HGET', k.nodes, ARGV[2])
if not told or string.sub(told, 1, 2) == '1 ' then return { now, 0 } end
redis.call('HSET', k.nodes, ARGV[2], '2 ' .. string.format('%.0f', now))
return { now, 1 }
