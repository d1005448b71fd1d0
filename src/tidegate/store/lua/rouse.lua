-- rouse: make queued messages due that were held for a reason which may be over.
-- uses: keys, time
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 most to look at, 2 reasons as " reason reason ", then lanes (<number>:<category>)
--
-- Returns how many are due now that were not.
local k, now = keys_of(0), now_ms(KEYS[1])
local roused = 0
for i = 3, #ARGV do
  local lane = k.lane .. ARGV[i]
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', lane, '(' .. now, '+inf', 'LIMIT', 0, ARGV[1])) do
    local reason = redis.call('HGET', k.message .. id, 'reason') or ''
    if string.find(ARGV[2], ' ' .. reason .. ' ', 1, true) then
      redis.call('ZADD', lane, now, id)
      roused = roused + 1
    end
  end
end
return roused
