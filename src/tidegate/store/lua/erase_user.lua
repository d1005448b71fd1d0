-- erase_user: forget one user, if what is known of them is still what it was when it was read.
-- uses: keys, time
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 recipient (16 bytes), 2 version of the record that was read (0 = there was none), 3 the record that is left
--         ('' = none), then the numbers whose pairs with the user are forgotten
--
-- Returns 1 and the ids of messages queued for the user, separated by spaces; 0 and '' when somebody else changed the
-- record first. A place of the messaging limit stays until its end: it is the limit's, and tells nobody who has it.
local k, now = keys_of(0), now_ms(KEYS[1])
local recipient, version, left = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local key = k.user .. recipient

if tonumber(redis.call('HGET', key, 'v') or 0) ~= version then return { 0, '' } end
redis.call('DEL', key)
if left ~= '' then
  redis.call('HSET', key, 'v', string.format('%.0f', math.max(version + 1, now)), 'r', left)
end
for i = 4, #ARGV do
  local pair = ARGV[i] .. ':' .. recipient
  redis.call('DEL', k.pair .. pair, k.reached .. pair, k.reached .. 'marketing:' .. pair, k.reached .. 'asked:' .. pair)
end
return { 1, redis.call('HGET', k.queued_for, recipient) or '' }
