-- reports: messages that were promised and ended unsent, of which the app that they belong to is to be told (`relay` in
-- what was noted of them): their ids, until that is in the relay.
local function report_end(k, id, about, now)
  if not about or about == '' or not cjson.decode(about).relay then return end
  redis.call('ZADD', k.relay .. 'ended', string.format('%.0f', now), id)
  redis.call('PEXPIRE', k.relay .. 'ended', 777600000)
end
