-- glance: which portfolios' queues have something to claim or to reap: asked of all in one call, so that of those that
-- have nothing no more is asked. Whatever is queued has a deadline, and nothing else has.
-- uses: keys, time, places, holders, shares, overdue
--
-- KEYS  one block a portfolio (store/keys.py)
-- ARGV  ms within which an outcome must be known
--
-- Returns now, then 3 a portfolio: the epoch; 1 when anything is queued; 1 when anything has run out of time: a deadline,
-- a lease, a send without an outcome, or a place, of the portfolio's or of an app's share. Where it had to look for what is
-- being sent, it notes in the ledger when the earliest of that was admitted (`sending_since`), and writes nothing else.
local now = now_ms(KEYS[1])
local answer = { now }

local function has_ended(key) return redis.call('ZCOUNT', key, '-inf', digits(now)) > 0 end

local function has_overdue(k)
  if has_ended(k.deadlines) or has_ended(k.leases) or has_ended(k.inflight) or has_ended(k.calendar) then return true end
  if intents_overdue(k, now - ARGV[1])[1] then return true end
  for _, book in ipairs(share_books(k)) do
    if has_ended(book.calendar) then return true end
  end
  return false
end

for portfolio = 0, #KEYS / 2 - 1 do
  local k = keys_of(portfolio)
  answer[#answer + 1] = tonumber(redis.call('HGET', k.ledger, 'epoch') or 0)
  answer[#answer + 1] = redis.call('EXISTS', k.deadlines)
  answer[#answer + 1] = has_overdue(k) and 1 or 0
end
return answer
