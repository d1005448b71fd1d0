-- cancel: take a message out of the queue, if it is still there.
-- uses: keys, time, message, places, queue, doubts, reports
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 message id, 2 state to end in (cancelled, failed), 3 cause, 4 reason or '', 5 ms for which a message that is
--         not there may still be queued, by a call that was not answered: that will find it ended (0: none may come),
--         6 '1' when its app is to be told, '0' when it was told already
--
-- Returns the state it had: 'queued' means that it ended now; '' that there is no such message; 'unknown' that it was in
-- line for a further try, which is taken back, while the first may have been taken.
local k, now = keys_of(0), now_ms(KEYS[1])
local id = ARGV[1]
local record = message_read(k, id, 'state', 'recipient', 'lane', 'history', 'doubt', 'about')
if not record[1] and ARGV[5] ~= '0' then
  redis.call('HSET', k.message .. id, 'state', ARGV[2], 'attempt', 0, 'recipient', '', 'reason', ARGV[4],
    'history', digits(now) .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. '\n')
  redis.call('PEXPIRE', k.message .. id, ARGV[5])
end
if record[1] ~= 'queued' then return record[1] or '' end
lane_drop(k, id, record[3])
redis.call('ZREM', k.deadlines, id)
queued_for(k, record[2], id, false)
redis.call('HDEL', k.message .. id, 'body')
if record[5] then
  park(k, id, record[4], ARGV[3], now, now)
  return 'unknown'
end
redis.call('HSET', k.message .. id, 'state', ARGV[2], 'reason', ARGV[4],
  'history', record[4] .. digits(now) .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. '\n')
if ARGV[6] == '1' then report_end(k, id, record[6], now) end
return 'queued'
