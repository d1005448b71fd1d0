-- recall: what became of the request with this idempotency key; whoever asks first is to carry it out.
-- uses: time
--
-- KEYS    1 steerable clock, 2 the key's record
-- ARGV    1 verb: claim, keep (its answer) or free (it may be asked again); 2 fingerprint of the request,
--         3 message id of the request, 4 ms for which it is remembered, 5 claim: id of the running request that this
--         one takes the place of, '' = none; keep: the answer; free: ''
--
-- Returns now, then one of: 'mine'; 'running', its message id, since when; 'done', its message id, the answer;
-- 'other' (same key, another request). Only the request that holds the claim can keep or free it.
local now, record = now_ms(KEYS[1]), KEYS[2]
local verb, fingerprint, id, keep_ms, more = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local found = redis.call('HMGET', record, 'fingerprint', 'id', 'at', 'answer')
if found[1] and now - tonumber(found[3]) >= keep_ms then found = {} end
local mine = found[2] == id

if verb == 'free' then
  if mine and not found[4] then redis.call('DEL', record) end
  return { now, 'mine' }
end
if verb == 'keep' then
  if mine then redis.call('HSET', record, 'answer', more) end
  return { now, 'mine' }
end
if found[1] and found[1] ~= fingerprint then return { now, 'other' } end
if found[4] then return { now, 'done', found[2], found[4] } end
if found[1] and not mine and found[2] ~= more then return { now, 'running', found[2], tonumber(found[3]) } end
redis.call('DEL', record)
redis.call('HSET', record, 'fingerprint', fingerprint, 'id', id, 'at', string.format('%.0f', now))
redis.call('PEXPIRE', record, string.format('%.0f', keep_ms))
return { now, 'mine' }
