-- questions: since when a user waits for an answer. `reached:asked:<number>:<recipient>` is "<since when (ms), 0: does not>
-- <when we last wrote to them (ms)>", of users who have written lately.
local CONVERSATION_MS = 86400000

-- We have written to a user: since when they waited for that, and when we last wrote before, where they did.
local function questions_answer(key, at)
  local text = redis.call('GET', key)
  if not text then return nil end
  local asked, wrote = string.match(text, '^(%d+) (%d+)$')
  asked, wrote = tonumber(asked), tonumber(wrote)
  local is_answered = asked > 0 and at >= asked
  redis.call('SET', key, string.format('%.0f %.0f', is_answered and 0 or asked, math.max(at, wrote)), 'KEEPTTL')
  if is_answered then return asked, wrote end
end

-- What they asked is answered, on the day and in the hour in which they asked it.
local function questions_count(cells, asked, wrote, at)
  local hour, took = string.format('%.0f', math.floor(asked / 3600000) % 24), at - asked
  cells_time(cells, 'response', took)
  if asked - wrote > CONVERSATION_MS then cells_time(cells, 'first', took) end
  cells_add(cells, 'answered', 1)
  cells_add(cells, 'answered.' .. hour, 1)
  cells_add(cells, 'answered_ms.' .. hour, took)
end
