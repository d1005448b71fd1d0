-- count_outcomes: count what became of sends, where that is told by no status of theirs.
-- uses: keys, time, cells, figures, outcomes
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a day's outcomes are kept
-- ARGV[2]  ms for which it is remembered what a user got
-- ARGV[3+] 5 a send: portfolio, message id, counters as "counter=ms after its admission in which it counts ..." (-1: it
--          always does), when it happened (ms), recipient where its user got it just now ('' = they did not)
--
-- Returns now, then 1 for each send of which something was counted in its hour, else 0. A message's record keeps what was
-- counted of it, so running again adds nothing; nothing is counted of a message that was forgotten.
-- reached: "<1 if the last one was marketing> <id of the last one> <id of the last marketing one, or ->".
local now = now_ms(KEYS[1])
local keep_ms, reach_ms, answer = ARGV[1], tonumber(ARGV[2]), { now }

local function remember(k, id, pair, marketing)
  local key = k.reached .. pair
  local last, before = string.match(redis.call('GET', key) or '', '^%d (%S+) (%S+)$')
  if last == id then return end
  local since = before and before ~= '-' and redis.call('HGET', k.message .. before, 'at')
  if not since or now - tonumber(since) > reach_ms then before = '-' end
  redis.call('SET', key, (marketing and '1 ' or '0 ') .. id .. ' ' .. (marketing and id or before), 'PX', ARGV[2])
end

local function count(k, id, counters, happened, recipient)
  local record = redis.call('HMGET', k.message .. id, 'state', 'at', 'outcomes', 'kpis', 'about')
  if not record[1] or not record[2] then return 0 end
  local noted = outcomes_about(k, record[5] or '')
  local counted, known, figures = outcomes_note(k, tonumber(record[2]), record[3], record[4], noted,
    recipient ~= '' and recipient or nil, counters, happened, false)
  if known ~= (record[3] or '') or figures ~= (record[4] or '') then
    redis.call('HSET', k.message .. id, 'outcomes', known, 'kpis', figures)
  end
  -- An answer to a user is no reason for them to opt out; what a business begins is.
  local about = noted.about
  if recipient ~= '' and about.number and CATEGORIES[about.category] then
    remember(k, id, about.number .. ':' .. recipient, about.category == 'marketing')
  end
  return counted
end

for i = 3, #ARGV, 5 do
  answer[#answer + 1] = count(keys_of(tonumber(ARGV[i])), ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4])
end
outcomes_write(now, keep_ms)
return answer
