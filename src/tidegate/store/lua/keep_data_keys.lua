-- keep_data_keys: put data keys beside those that are there, wrap some anew, delete those whose time is over.
-- promised
--
-- KEYS    1 the data keys
-- ARGV    1 how many are put, 2 how many are wrapped anew, then 2 values for each that is put: id, wrapped key (one that
--         is there stays as it is); 3 for each that is wrapped anew: id, as it was, as it is to be; then ids to delete
--
-- Returns all that are there then: id, wrapped key, id ... Running again changes nothing.
local at = 3
for _ = 1, tonumber(ARGV[1]) do
  redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, tonumber(ARGV[2]) do
  if redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2]) end
  at = at + 3
end
for i = at, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
return redis.call('HGETALL', KEYS[1])
