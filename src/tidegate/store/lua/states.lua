-- states: the states of messages, and what was noted of them.
-- uses: keys
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    message ids
--
-- Returns two values a message: its state and about; both '' for one that there is not (any more).
local k, answer = keys_of(0), {}
for _, id in ipairs(ARGV) do
  local record = redis.call('HMGET', k.message .. id, 'state', 'about')
  answer[#answer + 1] = record[1] or ''
  answer[#answer + 1] = record[2] or ''
end
return answer
