-- read_users: what is known of users.
-- uses: keys
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV     2 a user: portfolio (0 = first block), recipient (16 bytes)
--
-- Returns 2 values a user: version of the record (0 = there is none), the record or ''.
local answer = {}

for i = 1, #ARGV, 2 do
  local found = redis.call('HMGET', keys_of(tonumber(ARGV[i])).user .. ARGV[i + 1], 'v', 'r')
  answer[#answer + 1] = tonumber(found[1] or 0)
  answer[#answer + 1] = found[2] or ''
end
return answer
