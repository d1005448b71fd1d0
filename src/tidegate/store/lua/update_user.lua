-- update_user: write what is known of users, each if it is still what it was when it was read.
-- uses: keys, time
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV     5 a user: portfolio (0 = first block), recipient (16 bytes), version that was read (0 = there was none), the
--          record ('' = nothing is known any more), when it may be forgotten (ms, 0 = never)
--
-- Returns 2 values a user: 1 when the record is as asked for now, 0 when somebody else changed it first; its version.
-- What was written already is recognised by the record, so that running again changes nothing. A version is never used
-- twice: not by a record that was forgotten in between either.
local now = now_ms(KEYS[1])
local answer = {}

local function write(key, version, record, expires)
  local found = redis.call('HMGET', key, 'v', 'r')
  local known, before = tonumber(found[1] or 0), found[2] or ''
  if before == record then return 1, known end
  if known ~= version then return 0, known end
  if record == '' then
    redis.call('DEL', key)
    return 1, 0
  end
  version = math.max(version + 1, now)
  redis.call('HSET', key, 'v', string.format('%.0f', version), 'r', record)
  if expires > 0 then redis.call('PEXPIRE', key, string.format('%.0f', math.max(1000, expires - now)))
  else redis.call('PERSIST', key) end
  return 1, version
end

for i = 1, #ARGV, 5 do
  local key = keys_of(tonumber(ARGV[i])).user .. ARGV[i + 1]
  local done, version = write(key, tonumber(ARGV[i + 2]), ARGV[i + 3], tonumber(ARGV[i + 4]))
  answer[#answer + 1] = done
  answer[#answer + 1] = version
end
return answer
