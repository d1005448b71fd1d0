-- campaign_open: make room for the fates of a campaign's rows.
-- uses: time
--
-- KEYS    1 clock, 2 fates (a byte a row), 3 counts of them
-- ARGV    1 rows, 2 until when they are kept (ms)
--
-- Returns 1 when there is room now, 0 when there was already, which changes nothing.
local now = now_ms(KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local lasting = string.format('%.0f', math.max(1, tonumber(ARGV[2]) - now))
redis.call('SETRANGE', KEYS[2], ARGV[1] - 1, '\0')
redis.call('PEXPIRE', KEYS[2], lasting)
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'rows', ARGV[1])
redis.call('PEXPIRE', KEYS[3], lasting)
return 1
