-- append_audit: add entries to a chain of the audit, if it still ends where the caller thinks.
-- uses: time
-- promised
--
-- KEYS    1 steerable clock, 2 the chain, 3 up to where the history was taken over into it
-- ARGV    1 number of the last entry as the caller knows it (-1 = not known), 2 ms for which an entry is kept, 3 id in
--         the history up to which it is taken over with these entries ('' = they are not from there), 4 the id that it
--         was taken over up to before, then 4 an entry: its time (ms), its text, the hash before it, its own hash
--
-- Returns 1 when they stand there, else 0; number, hash and time of the last entry (0, '', 0 = none); the id up to
-- which the history is taken over. Entries that stand there already are recognised by their hash: running again adds
-- nothing. What is older than it is kept goes, a hundred at a time, but never the last entry.
local now = now_ms(KEYS[1])

local function last()
  local found = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  if not found then return 0, '', 0 end
  local fields = {}
  for i = 1, #found[2], 2 do fields[found[2][i]] = found[2][i + 1] end
  return tonumber(string.match(found[1], '^%d+')), fields.hash, tonumber(fields.at)
end

local function told(done)
  local seq, hash, at = last()
  return { done, seq, hash, at, redis.call('GET', KEYS[3]) or '' }
end

local seq = tonumber(ARGV[1])
if seq < 0 then return told(0) end
if #ARGV > 4 then
  local first = string.format('%.0f-0', seq + 1)
  local there = redis.call('XRANGE', KEYS[2], first, first)[1]
  if there then
    for i = 1, #there[2], 2 do
      if there[2][i] == 'hash' and there[2][i + 1] == ARGV[8] then return told(1) end
    end
  end
end
if seq ~= last() then return told(0) end
if ARGV[3] ~= '' then
  if (redis.call('GET', KEYS[3]) or '') ~= ARGV[4] then return told(0) end
  redis.call('SET', KEYS[3], ARGV[3])
end
for i = 5, #ARGV, 4 do
  seq = seq + 1
  redis.call('XADD', KEYS[2], string.format('%.0f-0', seq), 'at', ARGV[i], 'entry', ARGV[i + 1], 'prev', ARGV[i + 2],
    'hash', ARGV[i + 3])
end
for _, old in ipairs(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 100)) do
  local at = tonumber(old[2][2])
  if at > now - tonumber(ARGV[2]) or tonumber(string.match(old[1], '^%d+')) == seq then break end
  redis.call('XDEL', KEYS[2], old[1])
end
return told(1)
