-- campaign_swap_chunk: put a chunk of an audience's rows in the place of the one that was read.
-- promised
--
-- KEYS    1 the rows of a group
-- ARGV    1 number of the chunk, 2 the chunk that was read, 3 the one that takes its place, 4 whose rows they are
--
-- Returns 1; 0 when there is another one, or none any more. Run again it finds what it wrote, and says the same.
local number, before, after, who = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local found = redis.call('HGET', KEYS[1], number)
if found == after then return 1 end
if found ~= before then return 0 end
redis.call('HSET', KEYS[1], number, after, 'who:' .. number, who)
return 1
