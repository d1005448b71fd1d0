-- claim: lease queued messages whose time has come, lane by lane in the order given.
-- uses: keys, time, places, holders
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV[1]  lease (ms)
-- ARGV[2+] 4 a lane: lane (<number>:<category>), most to claim, places that its category may fill (-1 no limit), most to
--          claim of this lane and those before it (-1 no bound)
--
-- Returns now, the epoch, when there will be more for a caller who has room (ms, 0 = nobody knows), then 6 a message:
-- id, attempt, lane (which of those asked for, 0 is the first), body, about, deadline. The attempt is the fence: whoever
-- claims it later gets a higher one.
local k, now = keys_of(0), now_ms(KEYS[1])
local used = sweep(k, now, tonumber(redis.call('HGET', k.ledger, 'used') or 0), 0, 200)
local answer, wake, anyone_waits = { now, 0, 0 }, 0, false
local lease_ends = digits(now + ARGV[1])
-- Of so many lanes in a row it is asked at once whether there is anything in them: in most there is not.
local IN_A_ROW = 16

local function wake_by(at)
  if at and (wake == 0 or tonumber(at) < wake) then wake = tonumber(at) end
end

local function take(source, lane, ids)
  if #ids == 0 then return end
  local leases = {}
  for i, id in ipairs(ids) do leases[2 * i - 1], leases[2 * i] = lease_ends, id end
  redis.call('ZADD', k.leases, unpack(leases))
  redis.call('ZREM', source, unpack(ids))
  for _, id in ipairs(ids) do
    -- Of one that is queued no more the record may be no hash.
    local record = redis.pcall('HMGET', k.message .. id, 'state', 'body', 'about', 'expires')
    if record[1] == 'queued' then
      local at = #answer
      answer[at + 1], answer[at + 2], answer[at + 3] = id, redis.call('HINCRBY', k.message .. id, 'attempt', 1), lane
      answer[at + 4], answer[at + 5], answer[at + 6] = record[2] or '', record[3] or '', record[4] or '0'
    end
  end
end

local function claim(lane, name, most, places, waits)
  local first, due = redis.call('ZRANGE', k.lane .. name, 0, most - 1, 'WITHSCORES'), {}
  for i = 1, #first, 2 do
    if tonumber(first[i + 1]) > now then
      wake_by(first[i + 1])
      break
    end
    due[#due + 1] = first[i]
  end
  take(k.lane .. name, lane, due)
  if not waits or redis.call('EXISTS', k.waiting .. name) == 0 then return end
  anyone_waits = true
  local more = math.min(most - #due, places < 0 and most or places - used)
  if more > 0 then
    local ids = redis.call('ZRANGE', k.waiting .. name, 0, more - 1)
    take(k.waiting .. name, lane, ids)
    used = used + #ids
  end
end

for begins = 2, #ARGV, 4 * IN_A_ROW do
  local lanes, waiting, last = {}, {}, math.min(#ARGV, begins + 4 * IN_A_ROW - 1)
  for i = begins, last, 4 do
    lanes[#lanes + 1], waiting[#waiting + 1] = k.lane .. ARGV[i], k.waiting .. ARGV[i]
  end
  local waits = redis.call('EXISTS', unpack(waiting)) > 0
  if waits or redis.call('EXISTS', unpack(lanes)) > 0 then
    for i = begins, last, 4 do
      local most, in_all = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 3])
      if in_all >= 0 then most = math.min(most, in_all - (#answer - 3) / 6) end
      -- What is due beyond the most that was asked for waits for the caller, not for a time.
      if most > 0 then claim((i - 2) / 4, ARGV[i], most, tonumber(ARGV[i + 2]), waits) end
    end
  end
end
wake_by(redis.call('ZRANGEBYSCORE', k.leases, '(' .. digits(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2])
if anyone_waits then wake_by(redis.call('ZRANGE', k.calendar, 0, 0, 'WITHSCORES')[2]) end
answer[2], answer[3] = tonumber(redis.call('HGET', k.ledger, 'epoch') or 0), wake
return answer
