-- questions: since when a user waits for an answer. `reached:asked:<number>:<recipient>` is "<since when (ms), 0: does not>
-- <when we last wrote to them (ms)>", of users who have written lately. `cells_at` gives the cells of a time.
local CONVERSATION_MS = 86400000

-- What a call reads of many pairs at once: until one of them may have changed.
local near_pairs = {}
local function pairs_near(keys)
  if #keys == 0 then return end
  for i, text in ipairs(redis.call('MGET', unpack(keys))) do near_pairs[keys[i]] = text or '' end
end

local function pair_text(key)
  local text = near_pairs[key]
  near_pairs[key] = nil
  return text or redis.call('GET', key) or ''
end

-- We have written to a user: what they asked is answered, on the day and in the hour in which they asked it.
local function questions_answer(key, at, cells_at)
  local asked, wrote = string.match(pair_text(key), '^(%d+) (%d+)$')
  if not asked then return end
  asked, wrote = tonumber(asked), tonumber(wrote)
  if asked > 0 and at >= asked then
    local hour, took = string.format('%.0f', math.floor(asked / 3600000) % 24), at - asked
    local cells = cells_at(asked)
    cells_time(cells, 'response', took)
    if asked - wrote > CONVERSATION_MS then cells_time(cells, 'first', took) end
    cells_add(cells, 'answered', 1)
    cells_add(cells, 'answered.' .. hour, 1)
    cells_add(cells, 'answered_ms.' .. hour, took)
    asked = 0
  end
  redis.call('SET', key, string.format('%.0f %.0f', asked, math.max(at, wrote)), 'KEEPTTL')
end
