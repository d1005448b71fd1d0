-- campaign_write: keep a campaign's record, if it still is the revision that was read.
-- uses: time
-- promised
--
-- KEYS    1 clock, 2 the record, 3 the campaigns of the portfolio, 4 those of them that are the app's, then keys that go
--         with the record's own end, then keys that are not needed any more
-- ARGV    1 the campaign's id, 2 the revision that was read (0 = there was none), 3 what is kept ('' = nothing: it goes
--         with all keys that were named), 4 until when (ms), 5 most campaigns that a portfolio may have, 6 most of
--         one app, 7 how many of the keys end with it, 8 the id of this call
--
-- Returns now and the revision after it; 0 when another one is there, -1 when the portfolio has too many campaigns, -2
-- when the app has. A call that runs twice finds its own id at its revision, and changes nothing.
local now = now_ms(KEYS[1])
local id, revision, kept = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local found = redis.call('GET', KEYS[2])
local at, by = string.match(found or '', '^(%d+) (%S+) ')
local function whole(number) return string.format('%.0f', number) end

if by == ARGV[8] or (not found and kept == '') then return { now, revision + 1 } end
if tonumber(at or 0) ~= revision then return { now, 0 } end
if not found then
  for i = 3, 4 do
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', whole(now))
    if redis.call('ZCARD', KEYS[i]) >= tonumber(ARGV[i + 2]) then return { now, 2 - i } end
  end
end

local with = 4 + tonumber(ARGV[7])
for i = with + 1, #KEYS do redis.call('UNLINK', KEYS[i]) end
if kept == '' then
  for i = 5, with do redis.call('UNLINK', KEYS[i]) end
  redis.call('DEL', KEYS[2])
  for i = 3, 4 do redis.call('ZREM', KEYS[i], id) end
  return { now, revision + 1 }
end
local lasting = whole(math.max(1, tonumber(ARGV[4]) - now))
redis.call('SET', KEYS[2], whole(revision + 1) .. ' ' .. ARGV[8] .. ' ' .. kept, 'PX', lasting)
for i = 5, with do redis.call('PEXPIRE', KEYS[i], lasting) end
for i = 3, 4 do redis.call('ZADD', KEYS[i], ARGV[4], id) end
return { now, revision + 1 }
