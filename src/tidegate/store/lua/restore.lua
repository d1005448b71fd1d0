-- restore: write back what a node last read of the standing, where the store has older words or none.
-- uses: keys
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    3 a record: 'standing' or 'breakers', field, value ("<became true> <believed since> <value>"; "<revision> <JSON>")
--
-- Returns the epoch, then how many were written. Running again changes nothing.
local k, written = keys_of(0), 0

-- The later arrival, or the higher revision, is the newer word.
local function age(kind, value)
  return tonumber(string.match(value, kind == 'standing' and '^%d+ (%d+) ' or '^(%d+) ') or 0)
end

for i = 1, #ARGV, 3 do
  local kind, field, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local there = redis.call('HGET', k[kind], field)
  if not there or age(kind, there) < age(kind, value) then
    redis.call('HSET', k[kind], field, value)
    written = written + 1
  end
end
if written > 0 then redis.call('HINCRBY', k.ledger, 'epoch', 1) end
return { tonumber(redis.call('HGET', k.ledger, 'epoch') or 0), written }
