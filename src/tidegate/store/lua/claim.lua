-- claim: lease queued messages whose time has come, lane by lane in the order given.
-- uses: keys, time, places, holders
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV[1]  lease (ms)
-- ARGV[2+] 4 a lane: lane (<number>:<category>), most to claim, places that its category may fill (-1 no limit), most to
--          claim of this lane and those before it (-1 no bound)
--
-- Returns now, the epoch, when there will be more for a caller who has room (ms, 0 = nobody knows), then 6 a message:
-- id, attempt, lane, body, about, deadline. The attempt is the fence: whoever claims it later gets a higher one.
local k, now = keys_of(0), now_ms(KEYS[1])
local lease = tonumber(ARGV[1])
local used = sweep(k, now, tonumber(redis.call('HGET', k.ledger, 'used') or 0), 0, 200)
local claimed, wake, anyone_waits = {}, 0, false

local function wake_by(at)
  if at and (wake == 0 or tonumber(at) < wake) then wake = tonumber(at) end
end

local function take(source, lane, ids)
  if #ids == 0 then return end
  redis.call('ZREM', source, unpack(ids))
  for _, id in ipairs(ids) do
    local record = redis.call('HMGET', k.message .. id, 'state', 'body', 'about', 'expires')
    if record[1] == 'queued' then
      redis.call('ZADD', k.leases, now + lease, id)
      claimed[#claimed + 1] = { id, redis.call('HINCRBY', k.message .. id, 'attempt', 1), lane, record[2] or '',
        record[3] or '', record[4] or '0' }
    end
  end
end

local function claim(lane, most, places)
  local first, due = redis.call('ZRANGE', k.lane .. lane, 0, most - 1, 'WITHSCORES'), {}
  for i = 1, #first, 2 do
    if tonumber(first[i + 1]) > now then
      wake_by(first[i + 1])
      break
    end
    due[#due + 1] = first[i]
  end
  take(k.lane .. lane, lane, due)
  if redis.call('EXISTS', k.waiting .. lane) == 0 then return end
  anyone_waits = true
  local more = math.min(most - #due, places < 0 and most or places - used)
  if more > 0 then
    local ids = redis.call('ZRANGE', k.waiting .. lane, 0, more - 1)
    take(k.waiting .. lane, lane, ids)
    used = used + #ids
  end
end

for i = 2, #ARGV, 4 do
  local most, in_all = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 3])
  if in_all >= 0 then most = math.min(most, in_all - #claimed) end
  -- What is due beyond the most that was asked for waits for the caller, not for a time.
  if most > 0 then claim(ARGV[i], most, tonumber(ARGV[i + 2])) end
end
wake_by(redis.call('ZRANGEBYSCORE', k.leases, '(' .. digits(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2])
if anyone_waits then wake_by(redis.call('ZRANGE', k.calendar, 0, 0, 'WITHSCORES')[2]) end

local answer = { now, tonumber(redis.call('HGET', k.ledger, 'epoch') or 0), wake }
for _, one in ipairs(claimed) do
  for _, value in ipairs(one) do answer[#answer + 1] = value end
end
return answer
