-- bury: see to it that a message of which nothing is known is never begun; of any other one say what it is.
-- uses: keys, time, message
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 message id, 2 cause, 3 ms for which it is remembered
--
-- Returns the state that it had; '' that there was no such message: an intent of it that comes later finds a record that
-- is not its own, and takes nothing. Running again changes nothing, and says what it has become.
local k, now = keys_of(0), now_ms(KEYS[1])
local key = k.message .. ARGV[1]
local state = message_read(k, ARGV[1], 'state')[1]
if state then return state end
redis.call('HSET', key, 'state', 'failed', 'attempt', 0, 'recipient', '', 'reason', '',
  'history', string.format('%.0f', now) .. ' failed ' .. ARGV[2] .. '\n')
redis.call('PEXPIRE', key, ARGV[3])
return ''
