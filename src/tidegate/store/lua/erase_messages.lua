-- erase_messages: forget what was said in and of messages of one user.
-- uses: keys, message
-- promised
--
-- KEYS    one portfolio's block (store/keys.py)
-- ARGV    1 how many names the user has, then the names (16 bytes each), then ids of messages
--
-- Returns how many of them are the user's. What their senders noted of them, to whom they went, Meta's ids and what a
-- further try would need go. States and their times stay until the record goes, by the hash alone: a delivery that is
-- told late has to find whose place it takes. Another user's message is let be, and a queued one: it is cancelled first.
-- Running again changes nothing.
local k = keys_of(0)
local names, theirs = {}, 0
for i = 2, 1 + tonumber(ARGV[1]) do names[ARGV[i]] = true end

for i = 2 + tonumber(ARGV[1]), #ARGV do
  local key = k.message .. ARGV[i]
  local record = message_read(k, ARGV[i], 'state', 'recipient', 'wamid', 'about')
  if record[2] and names[record[2]] and record[1] ~= 'queued' then
    theirs = theirs + 1
    message_unpack(k, ARGV[i])
    redis.call('HDEL', key, 'body')
    if record[3] then redis.call('HSET', key, 'wamid', string.match(record[3], '^[^|]*')) end
    local about = string.gsub(record[4] or '', '"opaque":"[^"]*",?', '')
    about = string.gsub(about, '"to":"[^"]*",?', '')
    redis.call('HSET', key, 'about', (string.gsub(about, ',}$', '}')))
  end
end
return theirs
