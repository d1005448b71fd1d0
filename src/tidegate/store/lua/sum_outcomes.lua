-- sum_outcomes: carry what was told of sends to where it is read: before it is.
-- uses: keys, time, adds, cells, scopes
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV[1]  ms for which a day's outcomes are kept
-- ARGV[2]  at most so many of what was told: the store does nothing else meanwhile
--
-- Returns 1 where more is left, else 0.
local k, most = keys_of(0), 2 * tonumber(ARGV[2])
local flat = redis.call('HGETALL', k.outcomes .. 'told')
if not flat[1] then return 0 end
local is_all = #flat <= most
for i = #flat, most + 1, -1 do flat[i] = nil end
scopes_carry(k, flat, now_ms(KEYS[1]), ARGV[1])
return is_all and 0 or 1
