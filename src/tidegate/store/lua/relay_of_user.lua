-- relay_of_user: of these webhooks for apps, those of one user.
-- uses: keys, message, relay
--
-- KEYS  one portfolio's block (store/keys.py)
-- ARGV  1 how many lines the user may have, then the lines, then 2 an item: app, id
--
-- Returns 6 for each of the user's: app, id, body, message that its status id depends on or '', what its sender was
-- given as the message's id ('gateway', 'wamid', or '' while that is open), what it is, in a word.
local k = keys_of(0)
local theirs, answer = {}, {}
for i = 2, 1 + tonumber(ARGV[1]) do theirs[ARGV[i]] = true end

for i = 2 + tonumber(ARGV[1]), #ARGV, 2 do
  local key = relay_item(k, ARGV[i], ARGV[i + 1])
  local line = redis.call('HGET', key, 'line')
  if line and theirs[line] then
    local item = redis.call('HMGET', key, 'body', 'message', 'kind')
    local message = item[2] or ''
    for _, value in ipairs({ ARGV[i], ARGV[i + 1], item[1] or '', message, relay_given(k, message), item[3] or '' }) do
      answer[#answer + 1] = value
    end
  end
end
return answer
