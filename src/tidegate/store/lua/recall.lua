-- recall: what became of the requests with these idempotency keys; whoever asks first is to carry one out.
-- uses: time, once
--
-- KEYS     1 steerable clock, 2+ what each request claims
-- ARGV     5 a request: verb: claim, keep (its answer) or free (it may be asked again); fingerprint of the request;
--          message id of the request; ms for which it is remembered; claim: id of the running request that this one takes
--          the place of, '' = none; keep: the answer; free: ''
--
-- Returns now, then 3 values a request: 'mine', '', ''; 'running', its message id, since when; 'done', its message id,
-- the answer; 'other', '', '' (same key, another request). Only the request that holds the claim can keep or free it.
local now = now_ms(KEYS[1])
local answer = { now }

local function recall(key, verb, fingerprint, id, keep_ms, more)
  local text = redis.call('GET', key)
  local since, holder, told, known
  if text then since, holder, told, known = once_read(text) end
  if verb == 'keep' then
    if holder == id and not known then redis.call('SET', key, text .. '\n' .. more, 'KEEPTTL') end
    return 'mine'
  end
  if since and now - since >= keep_ms then since, holder, told, known = nil end
  if verb == 'free' then
    if holder == id and not known then redis.call('DEL', key) end
    return 'mine'
  end
  if since and told ~= fingerprint then return 'other' end
  if known then return 'done', holder, known end
  if since and holder ~= id and holder ~= more then return 'running', holder, since end
  redis.call('SET', key, once_text(now, id, fingerprint), 'PX', string.format('%.0f', keep_ms))
  return 'mine'
end

for i = 2, #KEYS do
  local at = (i - 2) * 5
  local word, id, more = recall(KEYS[i], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), ARGV[at + 5])
  local n = #answer
  answer[n + 1], answer[n + 2], answer[n + 3] = word, id or '', more or ''
end
return answer
