-- ahead: how much of each lane waits for a place, or will be due soon.
-- uses: keys, time
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 how soon (ms), then lanes (<number>:<category>)
--
-- Returns two a lane: that, without what is held until later (a night's end), and everything that the lane holds.
local k, answer = keys_of(0), {}
local until_ms = string.format('%.0f', now_ms(k.clock) + ARGV[1])
for i = 2, #ARGV do
  local waiting = redis.call('ZCARD', k.waiting .. ARGV[i])
  answer[#answer + 1] = redis.call('ZCOUNT', k.lane .. ARGV[i], '-inf', until_ms) + waiting
  answer[#answer + 1] = redis.call('ZCARD', k.lane .. ARGV[i]) + waiting
end
return answer
