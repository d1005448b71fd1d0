-- outcomes: what became of sends, counted by hour of their admission in the outcomes of their scopes, and in the figures
-- of that day. A message's record keeps what was counted of it, so that what is told again adds nothing. What is counted
-- in one call is added up, and written by `outcomes_write`. The names of scopes are those of policy/outcome_scope.py.
local CATEGORIES = { marketing = true, utility = true, authentication = true }
-- In the figures these count however late they are.
local UNBOUND = { delivered = true, read = true, failed = true, withheld = true, dropped = true }
local outcomes_abouts, outcomes_counters, outcomes_adds, outcomes_news = {}, {}, {}, {}

local function outcomes_scopes(about)
  local number, category, campaign, scopes = about.number, about.category, about.campaign or '', {}
  if not number then return scopes end
  if CATEGORIES[category] then
    scopes[1] = 'category:' .. number .. ':' .. category
    local name, language = string.match(about.template or '', '^(.+)/([^/]+)$')
    if name and about.waba then
      local template = about.waba .. ':' .. language .. ':' .. name
      scopes[#scopes + 1] = 'template:' .. category .. ':' .. template
      scopes[#scopes + 1] = 'sent_template:' .. number .. ':' .. template
    end
    if campaign ~= '' then
      scopes[#scopes + 1] = 'sent_campaign:' .. number .. ':' .. campaign
      if about.step and about.variant then
        scopes[#scopes + 1] = 'campaign_part:' .. campaign .. ':' .. about.step .. ':' .. about.variant
      end
    end
  end
  if (about.app or '') ~= '' then scopes[#scopes + 1] = 'sent_app:' .. number .. ':' .. about.app end
  return scopes
end

-- What was noted of a message, read: the sends of a moment have much of it in common.
local function outcomes_about(k, text)
  local known = outcomes_abouts[k]
  if not known then
    known = {}
    outcomes_abouts[k] = known
  end
  local noted = known[text]
  if not noted then
    local about = cjson.decode(text and text ~= '' and text or '{}')
    noted = { about = about, scopes = outcomes_scopes(about), cells = {}, adds = {} }
    known[text] = noted
  end
  return noted
end

local function outcomes_add(k, noted, day, fields)
  local adds = noted.adds[day]
  if not adds then
    adds = {}
    for i, scope in ipairs(noted.scopes) do
      local key = k.outcomes .. string.format('%.0f:', day) .. scope
      outcomes_adds[key] = outcomes_adds[key] or {}
      adds[i] = outcomes_adds[key]
      outcomes_news[k.outcome_scopes] = outcomes_news[k.outcome_scopes] or {}
      outcomes_news[k.outcome_scopes][scope] = true
    end
    noted.adds[day] = adds
  end
  for _, sums in ipairs(adds) do
    for _, field in ipairs(fields) do sums[field] = (sums[field] or 0) + 1 end
  end
end

local function outcomes_list(counters)
  local list = outcomes_counters[counters]
  if not list then
    list = {}
    for counter, within in string.gmatch(counters, '([a-z_]+)=(-?%d+)') do
      list[#list + 1] = { counter, tonumber(within) }
    end
    outcomes_counters[counters] = list
  end
  return list
end

-- The hour of a time, as what is counted in it begins.
local outcomes_hours = {}
local function outcomes_hour(at)
  local hour = math.floor(at / 3600000) % 24
  local text = outcomes_hours[hour]
  if not text then
    text = string.format('%02d.', hour)
    outcomes_hours[hour] = text
  end
  return text
end

-- Whether a message may answer what a user has asked: no campaign's does, nor marketing or a login code.
local function outcomes_answers(about)
  return not about.campaign and about.category ~= 'marketing' and about.category ~= 'authentication'
end

-- Counts `counters` ("counter=ms after its admission in which it counts ...", -1: it always does) of a message that has
-- happened at `happened`; `timed`: that is the delivery itself. `known` and `figures`: what its record keeps so far;
-- `recipient`: whose question it may answer, or nil.
-- Answers 1 where something was counted in its hour, else 0, and what the record has to keep of both from now on.
local function outcomes_note(k, at, known, figures, noted, recipient, counters, happened, timed)
  known, figures = known or '', figures or ''
  if #noted.scopes == 0 then return 0, known, figures end
  local day, fields, told, hour = math.floor(at / 86400000), {}, {}, outcomes_hour(at)
  local padded = known ~= '' and ' ' .. known .. ' '
  for _, counter in ipairs(outcomes_list(counters)) do
    local name, within = counter[1], counter[2]
    local in_time = within < 0 or happened - at <= within
    if in_time or UNBOUND[name] then told[#told + 1] = name end
    if in_time and not (padded and string.find(padded, ' ' .. name .. ' ', 1, true)) then
      known = known == '' and name or known .. ' ' .. name
      fields[#fields + 1] = hour .. name
    end
  end
  if figures_wanted(figures, told, timed) then
    -- Whatever is heard of first proves that Meta took it.
    if figures == '' and recipient and outcomes_answers(noted.about) then
      figures_answer(k, noted.about.number .. ':' .. recipient, noted.about, at)
    end
    local cells = noted.cells[day] or cells_of(k, at, noted.about)
    noted.cells[day] = cells
    figures = figures_of(cells, at, figures, told, happened, timed)
  end
  if #fields == 0 then return 0, known, figures end
  outcomes_add(k, noted, day, fields)
  return 1, known, figures
end

-- keep_ms: for which a day's outcomes are kept.
local function outcomes_write(now, keep_ms)
  cells_write()
  local is_first = false
  for key, sums in pairs(outcomes_adds) do
    local is_new = false
    for field, count in pairs(sums) do is_new = redis.call('HINCRBY', key, field, count) == count or is_new end
    -- With the first of an hour, which is often enough.
    if is_new then redis.call('PEXPIRE', key, keep_ms) end
    is_first = is_first or is_new
  end
  for key, scopes in pairs(outcomes_news) do
    for scope in pairs(scopes) do redis.call('ZADD', key, now, scope) end
    if is_first then redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - tonumber(keep_ms))) end
  end
end
