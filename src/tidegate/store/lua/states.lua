-- states: the states of messages, what was noted of them, and for what they wait.
-- uses: keys, message
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    message ids
--
-- Returns three values a message: its state, about, and the reason for which it was queued last; all '' for one that
-- there is not (any more).
local k, answer = keys_of(0), {}
for _, id in ipairs(ARGV) do
  local record = message_read(k, id, 'state', 'about', 'reason')
  answer[#answer + 1] = record[1] or ''
  answer[#answer + 1] = record[2] or ''
  answer[#answer + 1] = record[3] or ''
end
return answer
