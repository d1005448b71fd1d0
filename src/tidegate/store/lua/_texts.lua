-- texts: strings that a call of `n` writes. Together, where they are many and the server has a command for it, which takes
-- a third of the time: those that last equally long, in ms, 0 for ever, 'KEEPTTL' as long as what they follow. They wait
-- until `texts_write`. One by one where more replicas follow than are known to understand it (store/replicas.py): an older
-- one would lose all of such a call, and acknowledge it.
local texts
if n > 1 and (redis.VALKEY_VERSION_NUM or 0) >= 0x90100 then
  -- WAIT would leave out those that have not acknowledged what the caller wrote last.
  local info = redis.pcall('INFO', 'replication')
  local follow = type(info) == 'string' and tonumber(string.match(info, 'connected_slaves:(%d+)'))
  if follow == 0 or follow
    and follow <= (tonumber(redis.pcall('GET', string.sub(KEYS[1], 1, -6) .. 'replicas')) or 0) then texts = {} end
end
local function text_put(lasting, key, text)
  if texts then
    local list = texts[lasting]
    if list then
      local at = list.n
      list[at], list[at + 1], list.n = key, text, at + 2
    else
      texts[lasting] = { key, text, n = 3 }
    end
  elseif lasting == 0 then redis.call('SET', key, text)
  elseif lasting == 'KEEPTTL' then redis.call('SET', key, text, 'KEEPTTL')
  else redis.call('PSETEX', key, lasting, text) end
end

local function texts_write()
  if not texts then return end
  for lasting, list in pairs(texts) do
    local last = list.n - 1
    if lasting == 'KEEPTTL' then list[last + 1] = lasting
    elseif lasting ~= 0 then list[last + 1], list[last + 2] = 'PX', lasting end
    if lasting == 0 then redis.call('MSET', unpack(list)) else redis.call('MSETEX', last / 2, unpack(list)) end
  end
  texts = {}
end
