-- outcomes: what became of sends. A message's record keeps what was counted of it, so that what is told again adds nothing.
-- What is counted in one call is added up, and `outcomes_write` tells it in one hash, `outcomes:told`, whatever it is
-- counted in later: "<hour of admission since 1970> <where> <counter> <kind of send>" -> how often. where: `s` in the
-- outcomes of its scopes, `c` in the figures of its day, `b` in both. The kind is a JSON list of what scopes and figures
-- are of (_scopes.lua). Whoever reads has that carried over first (sum_outcomes).
local CATEGORIES = { marketing = true, utility = true, authentication = true }
-- In the figures these count however late they are.
local UNBOUND = { delivered = true, read = true, failed = true, withheld = true, dropped = true }
local outcomes_abouts, outcomes_kinds, outcomes_counters, outcomes_adds = {}, {}, {}, {}

-- What was noted of a message, read: the sends of a moment have much of it in common. `is_counted`: in some scope.
local function outcomes_about(k, text)
  local known = outcomes_abouts[k]
  if not known then
    known = {}
    outcomes_abouts[k] = known
    outcomes_kinds[k] = {}
  end
  local noted = known[text]
  if not noted then
    local about = cjson.decode(text ~= '' and text or '{}')
    noted = { about = about, k = k,
      is_counted = about.number and (CATEGORIES[about.category] or (about.app or '') ~= '') }
    known[text] = noted
  end
  return noted
end

-- What this call adds of such a send, of those that were admitted in the hour of `at`.
local function outcomes_told(noted, at)
  local kinds, about = outcomes_kinds[noted.k], noted.about
  if not noted.kind then
    noted.kind = cjson.encode({ about.number, about.waba or '', about.category or '', about.template or '',
      about.campaign or '', about.step or '', about.variant or '', about.app or '' })
  end
  local hours = kinds[noted.kind]
  if not hours then
    hours = {}
    kinds[noted.kind] = hours
  end
  local hour = math.floor(at / 3600000)
  local told = hours[hour]
  if not told then
    told = { k = noted.k, hour = string.format('%d', hour), kind = noted.kind, adds = {}, cells = { { adds = {} } } }
    hours[hour] = told
    outcomes_adds[#outcomes_adds + 1] = told
  end
  return told
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

-- Whether a message may answer what a user has asked: no campaign's does, nor marketing or a login code.
local function outcomes_answers(about)
  return not about.campaign and about.category ~= 'marketing' and about.category ~= 'authentication'
end

local function asked_key(k, pair) return k.reached .. 'asked:' .. pair end

-- Counts `counters` ("counter=ms after its admission in which it counts ...", -1: it always does) of a message that has
-- happened at `happened`; `timed`: that is the delivery itself. `known` and `figures`: what its record keeps so far;
-- `recipient`: whose question it may answer, or nil.
-- Answers 1 where something was counted in its hour, else 0, and what the record has to keep of both from now on.
local function outcomes_note(k, at, known, figures, noted, recipient, counters, happened, timed)
  known, figures = known or '', figures or ''
  if not noted.is_counted then return 0, known, figures end
  local fields, told = {}, {}
  local padded = known ~= '' and ' ' .. known .. ' '
  for _, counter in ipairs(outcomes_list(counters)) do
    local name, within = counter[1], counter[2]
    local in_time = within < 0 or happened - at <= within
    if in_time or UNBOUND[name] then told[#told + 1] = name end
    if in_time and not (padded and string.find(padded, ' ' .. name .. ' ', 1, true)) then
      known = known == '' and name or known .. ' ' .. name
      fields[#fields + 1] = name
    end
  end
  if figures_wanted(figures, told, timed) then
    -- Whatever is heard of first proves that Meta took it.
    if figures == '' and recipient and outcomes_answers(noted.about) then
      questions_answer(asked_key(k, noted.about.number .. ':' .. recipient), at,
        function(asked) return outcomes_told(noted, asked).cells end)
    end
    figures = figures_of(outcomes_told(noted, at).cells, at, figures, told, happened, timed)
  end
  if #fields == 0 then return 0, known, figures end
  local adds = outcomes_told(noted, at).adds
  for _, name in ipairs(fields) do adds[name] = (adds[name] or 0) + 1 end
  return 1, known, figures
end

-- Tells what was added up: of one counter in both places in one field. What finds no room is carried over at once.
-- `carry`: scopes_carry, with the time and for how long it is kept.
local function outcomes_write(carry)
  local fresh = {}
  local function add(k, field, by)
    if redis.call('HINCRBY', k.outcomes .. 'told', field, by) ~= by then return end
    fresh[k] = fresh[k] or {}
    table.insert(fresh[k], field)
    table.insert(fresh[k], by)
  end
  for _, told in ipairs(outcomes_adds) do
    local cells = told.cells[1].adds
    for name, by in pairs(told.adds) do
      local where = ' s '
      if cells[name] == by then where, cells[name] = ' b ', nil end
      add(told.k, told.hour .. where .. name .. ' ' .. told.kind, by)
    end
    for name, by in pairs(cells) do add(told.k, told.hour .. ' c ' .. name .. ' ' .. told.kind, by) end
  end
  for k, flat in pairs(fresh) do
    redis.call('PEXPIRE', k.outcomes .. 'told', '34560000000')
    if redis.call('HLEN', k.outcomes .. 'told') > 512 then carry(k, flat) end
  end
end
