-- read_outcomes: outcomes of scopes and days.
-- uses: keys
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 a hash: "<day>:<scope>"
--
-- Returns for each its fields and values, one after the other. Changes nothing.
local k, answer = keys_of(0), {}
for i = 1, #ARGV do answer[i] = redis.call('HGETALL', k.outcomes .. ARGV[i]) end
return answer
