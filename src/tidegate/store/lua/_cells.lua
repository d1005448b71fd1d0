-- cells: figures of a day, added up by number, template, campaign and app. A cell is a hash whose fields only ever add
-- up; how often something took so long is counted in classes of times, each 2^(1/4) as wide as the one before it
-- (policy/kpi/times.py). A day keeps so many cells of a kind apart, what comes then is the number's rest.
local CELL_KEPT_MS, CELLS_A_KIND, STEPS_A_CELL, LAST_CLASS = '34560000000', 500, 60, 81
local cells_known, cells_named = {}, {}

local function cell(k, day, kind, number, name)
  local names = k.outcomes .. 'kpi:' .. day .. ':' .. kind
  local own = names .. ':' .. number .. ':' .. name
  if not cells_named[own] then
    local is_new = false
    if redis.call('SISMEMBER', names, number .. ':' .. name) == 0 then
      if redis.call('SCARD', names) >= CELLS_A_KIND then name = '(other)' end
      is_new = redis.call('SADD', names, number .. ':' .. name) == 1
      redis.call('PEXPIRE', names, CELL_KEPT_MS)
    end
    local key = names .. ':' .. number .. ':' .. name
    cells_named[key] = cells_named[key] or { key = key, is_new = is_new, adds = {} }
    cells_named[own] = cells_named[key]
  end
  return cells_named[own]
end

-- The cells of what was noted of a message, on the day of a time.
local function cells_of(k, at, about)
  local number, template, campaign, app = about.number, about.template or '', about.campaign or '', about.app or ''
  local day = string.format('%.0f', math.floor(at / 86400000))
  local all = table.concat({ k.outcomes, day, number or '', template, campaign, app }, '|')
  if not cells_known[all] then
    local cells = { number and cell(k, day, 'number', number, number) }
    local name, language = string.match(template, '^(.+)/([^/]+)$')
    if number and name and about.waba then
      cells[#cells + 1] = cell(k, day, 'template', number, about.waba .. ':' .. language .. ':' .. name)
    end
    if number and campaign ~= '' then cells[#cells + 1] = cell(k, day, 'campaign', number, campaign) end
    if number and app ~= '' then cells[#cells + 1] = cell(k, day, 'app', number, app) end
    cells_known[all] = cells
  end
  return cells_known[all]
end

local function cells_add(cells, field, by)
  for i = 1, #cells do
    local adds = cells[i].adds
    adds[field] = (adds[field] or 0) + by
  end
end

local function cells_time(cells, what, ms)
  ms = math.max(0, math.floor(ms))
  local class = ms < 1000 and 0 or math.min(LAST_CLASS, 1 + math.floor(4 * (math.log(ms / 1000) / math.log(2))))
  cells_add(cells, string.format('%s.%.0f', what, class), 1)
  cells_add(cells, what .. '.ms', ms)
end

-- What apps report of a send: a rate, or a step of a journey by the app's own word, of which a cell keeps some apart.
local function cells_report(cells, what, value)
  for _, one in ipairs(cells) do
    local name = what
    local is_new = not one.adds[what .. '.n'] and redis.call('HEXISTS', one.key, what .. '.n') == 0
    if is_new and string.find(what, '^journey:') and redis.call('HINCRBY', one.key, 'steps', 1) > STEPS_A_CELL then
      name = 'journey:(other)'
    end
    cells_add({ one }, name, value)
    cells_add({ one }, name .. '.n', 1)
  end
end

local function cells_write()
  for key, one in pairs(cells_named) do
    if key == one.key and next(one.adds) then
      for field, by in pairs(one.adds) do redis.call('HINCRBY', key, field, string.format('%.0f', by)) end
      if one.is_new then redis.call('PEXPIRE', key, CELL_KEPT_MS) end
    end
  end
end
