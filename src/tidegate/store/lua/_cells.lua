-- cells: figures of a day, added up by number, template, campaign and app. A cell is a hash whose fields only ever add
-- up; how often something took so long is counted in classes of times, each 2^(1/4) as wide as the one before it
-- (policy/kpi/times.py). A day keeps so many cells of a kind apart, what comes then is the number's rest.
local CELL_KEPT_MS, CELLS_A_KIND, STEPS_A_CELL, LAST_CLASS = '34560000000', 500, 60, 81
local cell_adds, cell_keys = {}, {}

-- The cells of a message, by what was noted of it.
local function cells_of(about)
  local number = about.number
  if not number then return {} end
  local cells = { 'number:' .. number .. ':' .. number }
  local name, language = string.match(about.template or '', '^(.+)/([^/]+)$')
  if name and about.waba then
    cells[2] = 'template:' .. number .. ':' .. about.waba .. ':' .. language .. ':' .. name
  end
  if about.campaign then cells[#cells + 1] = 'campaign:' .. number .. ':' .. about.campaign end
  if about.app then cells[#cells + 1] = 'app:' .. number .. ':' .. about.app end
  return cells
end

local function cell_key(k, at, cell)
  local day = k.outcomes .. 'kpi:' .. string.format('%.0f:', math.floor(at / 86400000))
  local own = day .. cell
  if not cell_keys[own] then
    local kind, number, name = string.match(cell, '^([^:]+):([^:]+):(.+)$')
    local names = day .. kind
    if redis.call('SISMEMBER', names, number .. ':' .. name) == 0 then
      if redis.call('SCARD', names) >= CELLS_A_KIND then name = '(other)' end
      redis.call('SADD', names, number .. ':' .. name)
      redis.call('PEXPIRE', names, CELL_KEPT_MS)
    end
    cell_keys[own] = names .. ':' .. number .. ':' .. name
  end
  return cell_keys[own]
end

local function cells_add(k, at, cells, field, by)
  for _, cell in ipairs(cells) do
    local key = cell_key(k, at, cell)
    cell_adds[key] = cell_adds[key] or {}
    cell_adds[key][field] = (cell_adds[key][field] or 0) + by
  end
end

local function cells_time(k, at, cells, what, ms)
  ms = math.max(0, math.floor(ms))
  local class = ms < 1000 and 0 or math.min(LAST_CLASS, 1 + math.floor(4 * (math.log(ms / 1000) / math.log(2))))
  cells_add(k, at, cells, string.format('%s.%.0f', what, class), 1)
  cells_add(k, at, cells, what .. '.ms', ms)
end

-- What apps report of a send: a rate, or a step of a journey by the app's own word, of which a cell keeps some apart.
local function cells_report(k, at, cells, what, value)
  for _, cell in ipairs(cells) do
    local key, name = cell_key(k, at, cell), what
    local is_new = redis.call('HEXISTS', key, what .. '.n') == 0 and not (cell_adds[key] or {})[what .. '.n']
    if is_new and string.find(what, '^journey:') and redis.call('HINCRBY', key, 'steps', 1) > STEPS_A_CELL then
      name = 'journey:(other)'
    end
    cells_add(k, at, { cell }, name, value)
    cells_add(k, at, { cell }, name .. '.n', 1)
  end
end

local function cells_write()
  for key, fields in pairs(cell_adds) do
    for field, by in pairs(fields) do redis.call('HINCRBY', key, field, string.format('%.0f', by)) end
    redis.call('PEXPIRE', key, CELL_KEPT_MS)
  end
end
