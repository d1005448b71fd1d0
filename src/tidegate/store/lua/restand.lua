-- restand: write changes of standing, each unless a newer one is there, and begin a new epoch.
-- uses: keys, time
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 most entries of history to keep, 2 the only epoch under which to write ('' = any), then 5 a change: record
--         (<kind>:<key>), field (<name>@<source>), value, time at which it became true by its source (ms), cause
--
-- Returns now, the epoch after it, then 1 for each change that was applied, 0 for one that an equal or newer one of the
-- same source forestalled (under an epoch: an equal one); now and the epoch alone when it is another one. A field holds
-- "<became true> <believed since> <value>"; history gets what changed.
local k, now = keys_of(0), now_ms(KEYS[1])
local epoch = tonumber(redis.call('HGET', k.ledger, 'epoch') or 0)
if ARGV[2] ~= '' and tonumber(ARGV[2]) ~= epoch then return { now, epoch } end
local SOURCES = { 'webhook', 'graph', 'operator' }

-- What is believed of a record's field, and since when: what arrived last, from whichever source.
local function believed(record, name)
  local latest, value = -1, nil
  for _, source in ipairs(SOURCES) do
    local text = redis.call('HGET', k.standing, record .. '|' .. name .. '@' .. source)
    local since, said = string.match(text or '', '^%d+ (%d+) (.*)$')
    if since and tonumber(since) >= latest then latest, value = tonumber(since), said end
  end
  return value, latest
end

local applied, any = {}, false
for i = 3, #ARGV, 5 do
  local record, field, value, at, cause = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4]
  local since, old = string.match(redis.call('HGET', k.standing, record .. '|' .. field) or '', '^(%d+) %d+ (.*)$')
  -- Who writes under an epoch has read what is there, whatever the clocks say: another store's may be behind.
  local newer = not since or at > tonumber(since) or ((ARGV[2] ~= '' or at == tonumber(since)) and old ~= value)
  if newer then
    local name = string.match(field, '^[^@]+')
    local before, begun = believed(record, name)
    -- Who confirms what is believed already changes nothing: it stays since when it is so.
    if before ~= value then begun = now end
    redis.call('HSET', k.standing, record .. '|' .. field, string.format('%.0f %.0f ', at, math.min(begun, now)) .. value)
    if before ~= value then
      any = true
      redis.call('XADD', k.history, 'MAXLEN', '~', ARGV[1], '*', 'at', now, 'since', ARGV[i + 3], 'record', record,
        'field', field, 'from', before or '', 'to', value, 'cause', cause)
    end
  end
  applied[#applied + 1] = newer and 1 or 0
end
if any then epoch = redis.call('HINCRBY', k.ledger, 'epoch', 1) end
local answer = { now, epoch }
for _, one in ipairs(applied) do answer[#answer + 1] = one end
return answer
