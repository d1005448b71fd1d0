-- count_outcomes: add what became of sends to the outcomes of their scopes, under the hour of their admission, and to
-- the figures of that day.
-- uses: keys, time, cells, figures
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a day's outcomes are kept
-- ARGV[2]  ms for which it is remembered what a user got
-- ARGV[3+] 9 a send: portfolio, message id, counters as "counter=ms after its admission in which it counts ..." (-1: it
--          always does), when it happened (ms), scopes (JSON array of names), then what the user got: "<number>:<recipient>"
--          ('' = nothing to remember), 1 for marketing, else 0; 1 where what happened is the delivery itself, else 0;
--          "<number>:<recipient>" where it may answer what that user asked, else ''
--
-- Returns now, then 1 for each send of which something was counted in its hour, else 0. A message's record keeps what was
-- counted of it, so running again adds nothing; nothing is counted of a message that was forgotten. In the figures what
-- becomes of a send counts however late it is, but for opt-outs and replies.
-- reached: "<1 if the last one was marketing> <id of the last one> <id of the last marketing one, or ->".
local now = now_ms(KEYS[1])
local keep_ms, reach_ms, answer, adds, news, names = ARGV[1], tonumber(ARGV[2]), { now }, {}, {}, {}

local UNBOUND = { delivered = true, read = true, failed = true, withheld = true, dropped = true }

local function note(k, id, record, counters, happened, scopes, timed, pair)
  local at, known, fields, told = tonumber(record[2]), record[3] or '', {}, {}
  local day, hour = math.floor(at / 86400000), math.floor(at / 3600000) % 24
  for counter, within in string.gmatch(counters, '([a-z_]+)=(-?%d+)') do
    local in_time = tonumber(within) < 0 or happened - at <= tonumber(within)
    if in_time or UNBOUND[counter] then told[#told + 1] = counter end
    if in_time and not string.find(' ' .. known .. ' ', ' ' .. counter .. ' ', 1, true) then
      known = known == '' and counter or known .. ' ' .. counter
      fields[#fields + 1] = string.format('%02d.', hour) .. counter
    end
  end
  local figures = record[4] or ''
  if figures_wanted(figures, told, timed) then
    local about = cjson.decode(record[5] and record[5] ~= '' and record[5] or '{}')
    -- Whatever is heard of first proves that Meta took it.
    if pair ~= '' and figures == '' then figures_answer(k, pair, about, at) end
    redis.call('HSET', k.message .. id, 'outcomes', known,
      'kpis', figures_of(cells_of(k, at, about), at, figures, told, happened, timed))
  elseif #fields > 0 then
    redis.call('HSET', k.message .. id, 'outcomes', known)
  end
  if #fields == 0 then return 0 end
  names[scopes] = names[scopes] or cjson.decode(scopes)
  for _, scope in ipairs(names[scopes]) do
    local key = k.outcomes .. string.format('%.0f:', day) .. scope
    adds[key] = adds[key] or {}
    for _, field in ipairs(fields) do adds[key][field] = (adds[key][field] or 0) + 1 end
    news[k.outcome_scopes] = news[k.outcome_scopes] or {}
    news[k.outcome_scopes][scope] = true
  end
  return 1
end

local function remember(k, id, pair, marketing)
  local key = k.reached .. pair
  local last, before = string.match(redis.call('GET', key) or '', '^%d (%S+) (%S+)$')
  if last == id then return end
  local since = before and before ~= '-' and redis.call('HGET', k.message .. before, 'at')
  if not since or now - tonumber(since) > reach_ms then before = '-' end
  redis.call('SET', key, marketing .. ' ' .. id .. ' ' .. (marketing == '1' and id or before), 'PX', ARGV[2])
end

for i = 3, #ARGV, 9 do
  local k, id, pair = keys_of(tonumber(ARGV[i])), ARGV[i + 1], ARGV[i + 5]
  local record = redis.call('HMGET', k.message .. id, 'state', 'at', 'outcomes', 'kpis', 'about')
  local counted = 0
  if record[1] and record[2] then
    counted = note(k, id, record, ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 7] == '1',
      ARGV[i + 8])
    if pair ~= '' then remember(k, id, pair, ARGV[i + 6]) end
  end
  answer[#answer + 1] = counted
end
cells_write()
for key, fields in pairs(adds) do
  for field, count in pairs(fields) do redis.call('HINCRBY', key, field, count) end
  redis.call('PEXPIRE', key, keep_ms)
end
for key, scopes in pairs(news) do
  for scope in pairs(scopes) do redis.call('ZADD', key, now, scope) end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - tonumber(keep_ms)))
end
return answer
