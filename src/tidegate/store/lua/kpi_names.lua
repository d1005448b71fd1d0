-- kpi_names: which cells of figures there are.
-- uses: keys
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 a set: "<day>:<kind>"
--
-- Returns for each its names, "<number>:<name>". Changes nothing.
local k, answer = keys_of(0), {}
for i = 1, #ARGV do answer[i] = redis.call('SMEMBERS', k.outcomes .. 'kpi:' .. ARGV[i]) end
return answer
