-- Reads and writes what `settle` does for sends that Meta took, and judges nothing: KEYS, ARGV as there.
local argv, call, sub, find, unpack = ARGV, redis.call, string.sub, string.find, unpack
local prefix, ledger, first = string.sub(KEYS[1], 1, -6), KEYS[2], 8 + ARGV[6]
local n = (#argv - first + 1) / 4
local looks = { KEYS[1] }
for s = 1, n do
  local at = first + 4 * s - 4
  looks[2 * s], looks[2 * s + 1] = prefix .. 'message:' .. argv[at], prefix .. 'once:' .. argv[at + 2]
end
local found = call('MGET', unpack(looks))
local time = call('TIME')
local line = '\nsent s ' .. string.format('%d', time[1] * 1000) .. ' api_response\n'
local kept, wamids, reached, answer = {}, {}, {}, { time[1] }
for s = 1, n do
  local at, slot = first + 4 * s - 4, 2 * s - 1
  local id, wamid, text = argv[at], argv[at + 1], found[2 * s]
  kept[2 * slot - 1], kept[2 * slot] = looks[2 * s], text .. line .. wamid
  kept[2 * slot + 1], kept[2 * slot + 2] = looks[2 * s + 1], argv[at + 3]
  wamids[slot], wamids[slot + 1] = prefix .. 'wamid:' .. sub(wamid, 1, find(wamid, '|', 1, true) - 1), id
  reached[slot], reached[slot + 1] = prefix .. 'reached:106540352242922:' .. sub(text, 1, 16), id
  answer[s + 1] = 0
end
local last = 2 * n
kept[2 * last + 1] = 'KEEPTTL'
wamids[last + 1], wamids[last + 2] = 'PX', 864000000
reached[last + 1], reached[last + 2] = 'PX', 7776000000
call('MSETEX', last, unpack(kept))
call('MSETEX', n, unpack(wamids))
call('MSETEX', n, unpack(reached))
local told = prefix .. 'outcomes:told'
local stood = call('HMGET', told, 'sent')
call('HSET', told, 'sent', (stood[1] or 0) + n)
call('HMGET', ledger, 'left')
call('HSET', ledger, 'left', 0)
return answer
