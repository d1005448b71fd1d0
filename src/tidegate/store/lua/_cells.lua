-- cells: figures of a day, added up by number, template, campaign and app. A day keeps so many cells of a kind apart, what
-- comes then is the number's rest.
local CELL_KEPT_MS, CELLS_A_KIND = '34560000000', 500
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

local function cells_write()
  for key, one in pairs(cells_named) do
    if key == one.key and next(one.adds) then
      for field, by in pairs(one.adds) do redis.call('HINCRBY', key, field, string.format('%.0f', by)) end
      if one.is_new then redis.call('PEXPIRE', key, CELL_KEPT_MS) end
    end
  end
end
