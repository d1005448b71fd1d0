-- figures: what became of one send, in the cells of the day of its admission: each counter once, in whatever order it is
-- told. `kpis` of its record keeps what was counted, a letter each (`t`: how long its delivery took). A send fails once,
-- for the first reason that is told; what was delivered after all has not failed.
local LETTERS = { sent = 's', delivered = 'd', read = 'r', failed = 'f', withheld = 'w', dropped = 'x',
  opted_out = 'o', replied = 'p' }
local FAILURES = { 'failed', 'withheld', 'dropped' }

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
