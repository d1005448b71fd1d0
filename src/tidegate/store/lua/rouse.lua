-- rouse: make queued messages due that were held for a reason which may be over.
-- uses: keys, time
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 most to look at in this call, 2 reasons as " reason reason ", 3 when the last message of the first lane that was
--         looked at and stays was due, and its id ('' none; nor is one that was moved since), then lanes
--         (<number>:<category>)
--
-- Returns how many are due now that were not; how many lanes were looked through; of the next one what argument 3 is to
-- be in a further call. A lane is looked through in the order in which its messages are due: those that are roused leave
-- it for its beginning, so that those behind the last that stays are the rest.
local k, now, left = keys_of(0), now_ms(KEYS[1]), ARGV[1] + 0
local roused, due, stays = 0, string.match(ARGV[3], '^(%S+) (.*)$')

for i = 4, #ARGV do
  local lane, ids = k.lane .. ARGV[i], nil
  if stays and redis.call('ZSCORE', lane, stays) == due and due + 0 > now then
    local rank = redis.call('ZRANK', lane, stays)
    ids = redis.call('ZRANGE', lane, rank + 1, rank + left)
  else
    stays = nil
    ids = redis.call('ZRANGEBYSCORE', lane, '(' .. now, '+inf', 'LIMIT', 0, left)
  end
  for _, id in ipairs(ids) do
    local reason = redis.call('HGET', k.message .. id, 'reason') or ''
    if string.find(ARGV[2], ' ' .. reason .. ' ', 1, true) then
      redis.call('ZADD', lane, now, id)
      roused = roused + 1
    else stays = id end
  end
  left = left - #ids
  if left <= 0 then
    return { roused, i - 4, stays and redis.call('ZSCORE', lane, stays) .. ' ' .. stays or '' }
  end
  stays = nil
end
return { roused, #ARGV - 3, '' }
