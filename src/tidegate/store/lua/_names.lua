-- names: under which name a user is counted. A name that was proven to be another one of a user's leads there (`s`),
-- from the step on in which `move_user` took along what was counted under it. Whatever may still count something under
-- a name that a node had before then asks here.
local function name_of(k, recipient)
  for _ = 1, 4 do
    local leads = redis.call('HGET', k.user .. recipient, 's')
    if not leads then break end
    recipient = leads
  end
  return recipient
end
