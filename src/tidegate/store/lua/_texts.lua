-- texts: strings that a call writes for its sends. Together, where there are many and the server has a command for it,
-- which takes a third of the time: those that last equally long (ms, 0 for ever). They are `texts` until then.
local texts, together = false, n > 1 and (redis.VALKEY_VERSION_NUM or 0) >= 0x90100
local function text_put(ms, key, text)
  if not together then
    if ms == 0 then redis.call('SET', key, text) else redis.call('PSETEX', key, ms, text) end
    return
  end
  texts = texts or {}
  local list = texts[ms]
  if list then
    local last = #list
    list[last + 1], list[last + 2] = key, text
  else
    texts[ms] = { key, text }
  end
end
