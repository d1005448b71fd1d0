-- cancel: take a message out of the queue, if it is still there.
-- uses: keys, time, places, queue
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 message id, 2 state to end in (cancelled, failed), 3 cause, 4 reason or ''
--
-- Returns the state it had: 'queued' means that it ended now; '' that there is no such message.
local k, now = keys_of(0), now_ms(KEYS[1])
local id = ARGV[1]
local record = redis.call('HMGET', k.message .. id, 'state', 'recipient', 'lane', 'history')
if record[1] ~= 'queued' then return record[1] or '' end
lane_drop(k, id, record[3])
redis.call('ZREM', k.deadlines, id)
queued_for(k, record[2], id, false)
redis.call('HDEL', k.message .. id, 'body')
redis.call('HSET', k.message .. id, 'state', ARGV[2], 'reason', ARGV[4],
  'history', record[4] .. digits(now) .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. '\n')
return 'queued'
