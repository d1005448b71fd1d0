-- swing: write breakers anew, each if it is still as it was read, and begin a new epoch.
-- uses: keys, time
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 most entries of history to keep, then 5 a breaker: id, its revision when read (0: there was none), the record
--         after it ('' = it is forgotten), the states before and after as one word each ("from to"; '' = nothing that
--         the history tells), cause
--
-- Returns now, the epoch after it, then 1 for each that is as asked for now, 0 for one that somebody else changed
-- first. What was written already is recognised by its record, so running again changes nothing. A revision is never
-- used twice: not by a breaker that was forgotten in between either.
local k, now = keys_of(0), now_ms(KEYS[1])
local written, any = {}, false

for i = 2, #ARGV, 5 do
  local id, revision, after = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  local found, record = string.match(redis.call('HGET', k.breakers, id) or '', '^(%d+) (.*)$')
  if tonumber(found or 0) ~= revision then
    written[#written + 1] = ((record or '') == after) and 1 or 0
  else
    if after == '' then redis.call('HDEL', k.breakers, id)
    else redis.call('HSET', k.breakers, id, string.format('%.0f ', math.max(revision + 1, now)) .. after) end
    any = any or after ~= ''
    local from, to = string.match(ARGV[i + 3], '^(%S+) (%S+)$')
    if from then
      redis.call('XADD', k.history, 'MAXLEN', '~', ARGV[1], '*', 'at', now, 'since', now, 'record', 'breaker:' .. id,
        'field', 'state@gateway', 'from', '"' .. from .. '"', 'to', '"' .. to .. '"', 'cause', ARGV[i + 4])
    end
    written[#written + 1] = 1
  end
end
local epoch = any and redis.call('HINCRBY', k.ledger, 'epoch', 1) or tonumber(redis.call('HGET', k.ledger, 'epoch') or 0)
local answer = { now, epoch }
for _, one in ipairs(written) do answer[#answer + 1] = one end
return answer
