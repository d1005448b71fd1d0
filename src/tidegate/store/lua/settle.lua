-- settle: write down how the POST of a message ended; for all that ended since the last call.
-- uses: keys, time, places, paces
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a wamid is remembered
-- ARGV[2+] 7 a message: portfolio, message id, attempt, state (accepted, failed, unknown), cause, wamid or '',
--          1 to give its place back (proven that nobody was messaged)
--
-- Returns now, then 1 for each that gave a place back, else 0. A message that another attempt owns, or whose status
-- webhook came first, keeps its state; running again changes nothing.
local now = now_ms(KEYS[1])
local answer = { now }

local function settle(portfolio, id, attempt, state, cause, wamid, release)
  local k = keys_of(portfolio)
  local record = redis.call('HMGET', k.message .. id, 'state', 'attempt', 'recipient', 'place', 'history', 'tallies')
  if not record[1] or record[2] ~= attempt then return 0 end
  if wamid ~= '' then
    redis.call('HSET', k.message .. id, 'wamid', wamid)
    redis.call('SET', k.wamid .. wamid, id, 'PX', ARGV[1])
  end
  if record[1] ~= 'sending' and record[1] ~= 'unknown' then return 0 end
  if state ~= record[1] then
    redis.call('HSET', k.message .. id, 'state', state, 'reason', '',
      'history', record[5] .. digits(now) .. ' ' .. state .. ' ' .. cause .. '\n')
  end
  redis.call('ZREM', k.inflight, id)
  if state ~= 'unknown' then redis.call('HDEL', k.message .. id, 'body') end
  if release == '1' then tallies_release(k, id, record[6] or '', false) end
  if release ~= '1' or record[4] ~= '1' then return 0 end
  local place = place_load(k, record[3])
  place.holds[id] = nil
  return place_save(k, place, now) < 0 and 1 or 0
end

for i = 2, #ARGV, 7 do
  answer[#answer + 1] = settle(tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5],
    ARGV[i + 6])
end
return answer
