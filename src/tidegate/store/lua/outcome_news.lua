-- outcome_news: the scopes of outcomes that have had news.
-- uses: keys, time
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 since when (ms, included), 2 at most how many: the newest
--
-- Returns now, the epoch, then name and time (ms) of each, the newest first. Changes nothing.
local k, now = keys_of(0), now_ms(KEYS[1])
local answer = { now, tonumber(redis.call('HGET', k.ledger, 'epoch') or 0) }
local found = redis.call('ZREVRANGEBYSCORE', k.outcome_scopes, '+inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #found, 2 do
  answer[#answer + 1] = found[i]
  answer[#answer + 1] = tonumber(found[i + 1])
end
return answer
