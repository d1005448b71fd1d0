-- call_back: ask all nodes to give back the places that they have leased.
-- uses: keys, time
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 ms within which asking again is the same asking
--
-- Returns now. No lease ends by it: a node that has filled some of its places, and has not said so yet, says it first,
-- and gives back the rest (`prepay`).
local k, now = keys_of(0), now_ms(KEYS[1])
local recalled = redis.call('HGET', k.ledger, 'recalled_at')
if not recalled or tonumber(recalled) + tonumber(ARGV[1]) <= now then
  redis.call('HSET', k.ledger, 'recalled_at', string.format('%.0f', now))
  redis.call('HINCRBY', k.ledger, 'epoch', 1)
end
return { now }
