-- relay_rewrite: put another body in the place of a webhook's that waits, or is dead; or have it gone.
-- uses: keys, message, relay
-- promised
--
-- KEYS  one portfolio's block (store/keys.py)
-- ARGV  3 an item: app, id, body (sealed; '' = it goes)
--
-- Returns how many there were. One that is being delivered is let be: it is not there any more when that is answered.
-- Running again changes nothing.
local k, found = keys_of(0), 0
for i = 1, #ARGV, 3 do
  local app, id, body = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key = relay_item(k, app, id)
  local line = redis.call('HGET', key, 'line')
  if line then
    found = found + 1
    if body == '' then
      relay_remove(k, app, line, id)
      redis.call('ZREM', k.relay .. 'dead:' .. app, id)
      relay_forget(k, app, id)
    else
      relay_weigh(k, app, #body - redis.call('HSTRLEN', key, 'body'))
      redis.call('HSET', key, 'body', body)
    end
  end
end
return found
