-- doubts: messages of which nobody knows whether Meta took them, and the further try that some of them ask for.
--
-- `doubt` in a message's record says that an earlier try may have been taken. Whatever becomes of its further try, such
-- a message never ends as unsent: it is unknown again, and the place that it may hold stays held.
local function wants_another_try(about)
  return about and about ~= '' and cjson.decode(about).delivery == 'at_least_once'
end

-- Unknown until its status tells; told of as unresolved at `report_at` (reap).
local function park(k, id, history, cause, now, report_at)
  message_set(k, id, 'state', 'unknown', 'reason', 'outcome_unknown',
    'history', (history or '') .. string.format('%.0f', now) .. ' unknown ' .. cause .. '\n')
  redis.call('ZADD', k.inflight, report_at, id)
end
