-- join: say that a node uses these books, and learn whether they are whole.
-- uses: keys, time
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV     1 node, 2 run id of the server that answers ('' nobody knows), 3 era to begin with where there is none,
--          4 era of the books that the node remembers ('' it remembers nothing), 5 '1' where this server, when it
--          starts again, has all that it ever acknowledged, 6 ms for which nothing is sent that may not be counted,
--          7 ms between two joins, after which a node is gone, then 2 a node that this one knows, itself too: node, heard of (ms)
--
-- Returns now, era, epoch, held until (ms, 0 the books are whole), then 3 a node: node, whether it owes, heard of (ms).
-- Books are not whole from the moment at which another server answers, or other books are found than a node remembers,
-- or they do not know a node, until every node that may know more has vouched for what it wrote (`vouch`), or the time has
-- passed. Of a node that has left (`leave`) a server that knows of it has all.
local k, now = keys_of(0), now_ms(KEYS[1])
local node, server, remembered, hold, gone_ms = ARGV[1], ARGV[2], ARGV[4], tonumber(ARGV[6]), tonumber(ARGV[7])
local function text(ms) return string.format('%.0f', ms) end

local ledger = redis.call('HMGET', k.ledger, 'era', 'server', 'held_until', 'epoch')
local era, held, epoch = ledger[1], tonumber(ledger[3] or 0), tonumber(ledger[4] or 0)
if not era then
  -- No epoch of books that were here before comes again.
  era, epoch = ARGV[3], math.max(epoch + 1, now)
  redis.call('HSET', k.ledger, 'era', era, 'epoch', text(epoch))
end
if server ~= '' then redis.call('HSET', k.ledger, 'server', server) end

local nodes, last = {}, 0
local all = redis.call('HGETALL', k.nodes)
for i = 1, #all, 2 do
  local owes, heard = string.match(all[i + 1], '^(%d) (%d+)$')
  heard = tonumber(heard)
  if heard + hold > now then
    nodes[all[i]] = { owes = owes == '1', left = owes == '2', heard = heard, told = all[i + 1] }
    last = math.max(last, heard)
  else
    redis.call('HDEL', k.nodes, all[i])
  end
end

-- Nobody waits for ever for a node that does not come back.
if held > 0 and held <= now then
  held = 0
  for _, other in pairs(nodes) do other.owes = false end
end

-- Another server has all that was written before some moment: whoever was there at that moment may have written more.
if ledger[2] and server ~= '' and ledger[2] ~= server and ARGV[5] ~= '1' then
  for _, other in pairs(nodes) do other.owes = other.owes or not other.left and other.heard + gone_ms >= last end
  -- Nor does one that a node may have seen on the server before, with what this one has lost.
  epoch = math.max(epoch + 1, now)
  redis.call('HSET', k.ledger, 'epoch', text(epoch))
end
-- Who remembers other books wrote what these do not have; and so did whoever was known a day ago and is not known here.
for i = 8, #ARGV, 2 do
  local heard = tonumber(ARGV[i + 1])
  if not nodes[ARGV[i]] and heard + hold > now then nodes[ARGV[i]] = { owes = true, heard = heard } end
end
local own = nodes[node] or { owes = false }
nodes[node] = { owes = own.owes or (remembered ~= '' and remembered ~= era), heard = now }

local owing, answer = false, { now, era, epoch, 0 }
for name, other in pairs(nodes) do
  owing = owing or other.owes
  local told = (other.owes and '1 ' or other.left and '2 ' or '0 ') .. text(other.heard)
  if told ~= other.told then redis.call('HSET', k.nodes, name, told) end
  answer[#answer + 1] = name
  answer[#answer + 1] = other.owes and 1 or 0
  answer[#answer + 1] = other.heard
end
redis.call('PEXPIRE', k.nodes, text(hold))
local until_ms = 0
if owing then until_ms = held > 0 and held or now + hold end
if until_ms ~= tonumber(ledger[3] or 0) then
  redis.call('HSET', k.ledger, 'held_until', text(until_ms))
  answer[3] = redis.call('HINCRBY', k.ledger, 'epoch', 1)
end
answer[4] = until_ms
return answer
