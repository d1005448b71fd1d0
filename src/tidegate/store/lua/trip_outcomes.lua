-- trip_outcomes: note of days that they are no ground for a baseline.
-- uses: keys
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 a hash: "<day>:<scope>"
--
-- Returns how many of them there are. Running again changes nothing.
local k, noted = keys_of(0), 0
for i = 1, #ARGV do
  if redis.call('EXISTS', k.outcomes .. ARGV[i]) == 1 then
    redis.call('HSET', k.outcomes .. ARGV[i], 'tripped', 1)
    noted = noted + 1
  end
end
return noted
