-- adds: figures of sends as they are added up before they are written. A cell is a hash whose fields only ever add up; how
-- often something took so long is counted in classes of times, each 2^(1/4) as wide as the one before it
-- (policy/kpi/times.py).
local LAST_CLASS = 81

local function cells_add(cells, field, by)
  for i = 1, #cells do
    local adds = cells[i].adds
    adds[field] = (adds[field] or 0) + by
  end
end

local LOG_2 = math.log(2)
local function class_of(ms)
  return ms < 1000 and 0 or math.min(LAST_CLASS, 1 + math.floor(4 * (math.log(ms / 1000) / LOG_2)))
end

local function cells_time(cells, what, ms)
  ms = math.max(0, math.floor(ms))
  cells_add(cells, string.format('%s.%d', what, class_of(ms)), 1)
  cells_add(cells, what .. '.ms', ms)
end
