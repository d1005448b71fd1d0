-- recall: what became of the requests with these idempotency keys; whoever asks first is to carry one out.
-- uses: time
--
-- KEYS     1 steerable clock, 2+ the record of each request's key
-- ARGV     5 a request: verb: claim, keep (its answer) or free (it may be asked again); fingerprint of the request;
--          message id of the request; ms for which it is remembered; claim: id of the running request that this one takes
--          the place of, '' = none; keep: the answer; free: ''
--
-- Returns now, then 3 values a request: 'mine', '', ''; 'running', its message id, since when; 'done', its message id,
-- the answer; 'other', '', '' (same key, another request). Only the request that holds the claim can keep or free it.
local now = now_ms(KEYS[1])
local answer = { now }

local function recall(record, verb, fingerprint, id, keep_ms, more)
  if verb == 'keep' then
    if redis.call('HGET', record, 'id') == id then redis.call('HSET', record, 'answer', more) end
    return 'mine'
  end
  local found = redis.call('HMGET', record, 'fingerprint', 'id', 'at', 'answer')
  if found[1] and now - tonumber(found[3]) >= keep_ms then found = {} end
  local mine = found[2] == id
  if verb == 'free' then
    if mine and not found[4] then redis.call('DEL', record) end
    return 'mine'
  end
  if found[1] and found[1] ~= fingerprint then return 'other' end
  if found[4] then return 'done', found[2], found[4] end
  if found[1] and not mine and found[2] ~= more then return 'running', found[2], tonumber(found[3]) end
  redis.call('DEL', record)
  redis.call('HSET', record, 'fingerprint', fingerprint, 'id', id, 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', record, string.format('%.0f', keep_ms))
  return 'mine'
end

for i = 2, #KEYS do
  local at = (i - 2) * 5
  local word, id, more = recall(KEYS[i], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), ARGV[at + 5])
  local n = #answer
  answer[n + 1], answer[n + 2], answer[n + 3] = word, id or '', more or ''
end
return answer
