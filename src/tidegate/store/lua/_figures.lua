-- figures: what became of one send, in the cells of the day of its admission: each counter once, in whatever order it is
-- told. `kpis` of its record keeps what was counted, a letter each (`t`: how long its delivery took). A send fails once,
-- for the first reason that is told; what was delivered after all has not failed. `reached:asked:<number>:<recipient>` is
-- "<since when a user waits for an answer (ms), 0: does not> <when we last wrote to them (ms)>", of users who have written
-- lately.
local LETTERS = { sent = 's', delivered = 'd', read = 'r', failed = 'f', withheld = 'w', dropped = 'x',
  opted_out = 'o', replied = 'p' }
local FAILURES = { 'failed', 'withheld', 'dropped' }
local CONVERSATION_MS = 86400000

-- counters: those that came soon enough. timed: whether what happened is the delivery itself.
local function figures_wanted(known, counters, timed)
  if known == '' then return timed or counters[1] ~= nil end
  for _, counter in ipairs(counters) do
    if not string.find(known, LETTERS[counter], 1, true) then return true end
  end
  return timed and not string.find(known, 't', 1, true)
end

local function is_known(known, counter) return string.find(known, LETTERS[counter], 1, true) end

local function failure_of(known)
  for _, counter in ipairs(FAILURES) do
    if is_known(known, counter) then return counter end
  end
end

-- What is known of the send now; `at`: its admission.
local function figures_of(cells, at, known, counters, happened, timed)
  for _, counter in ipairs(counters) do
    local is_failure = counter == 'failed' or counter == 'withheld' or counter == 'dropped'
    local failed = (is_failure or counter == 'delivered') and failure_of(known)
    if not is_known(known, counter) and not (is_failure and failed) then
      if failed then cells_add(cells, failed, -1) end
      if not (is_failure and is_known(known, 'delivered')) then cells_add(cells, counter, 1) end
      known = known .. LETTERS[counter]
    end
  end
  if timed and not string.find(known, 't', 1, true) then
    cells_time(cells, 'deliver', happened - at)
    known = known .. 't'
  end
  return known
end

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

-- A user has written: who waits already waits since the first time. What is told only after we wrote again is no news.
local function figures_ask(k, pair, about, at, keep_ms)
  local key = k.reached .. 'asked:' .. pair
  local asked, wrote = string.match(redis.call('GET', key) or '0 0', '^(%d+) (%d+)$')
  asked, wrote = tonumber(asked), tonumber(wrote)
  if at <= wrote or (asked > 0 and at >= asked) then return 0 end
  local function count(since, by)
    local cells = cells_of(k, since, about)
    cells_add(cells, 'asked', by)
    cells_add(cells, string.format('asked.%.0f', math.floor(since / 3600000) % 24), by)
  end
  if asked > 0 then count(asked, -1) end
  count(at, 1)
  redis.call('SET', key, string.format('%.0f %.0f', at, wrote), 'PX', keep_ms)
  return 1
end

-- We have written to a user: what they asked is answered, on the day and in the hour in which they asked it.
local function figures_answer(k, pair, about, at)
  local key = k.reached .. 'asked:' .. pair
  local asked, wrote = string.match(pair_text(key), '^(%d+) (%d+)$')
  if not asked then return end
  asked, wrote = tonumber(asked), tonumber(wrote)
  if asked > 0 and at >= asked then
    local hour, took = string.format('%.0f', math.floor(asked / 3600000) % 24), at - asked
    local cells = cells_of(k, asked, about)
    cells_time(cells, 'response', took)
    if asked - wrote > CONVERSATION_MS then cells_time(cells, 'first', took) end
    cells_add(cells, 'answered', 1)
    cells_add(cells, 'answered.' .. hour, 1)
    cells_add(cells, 'answered_ms.' .. hour, took)
    asked = 0
  end
  redis.call('SET', key, string.format('%.0f %.0f', asked, math.max(at, wrote)), 'KEEPTTL')
end
