-- outcomes: what became of sends. A message's record keeps what was counted of it, so that what is told again adds nothing.
-- What is counted in one call is added up, and `outcomes_write` tells it in one hash, `outcomes:told`, whatever it is
-- counted in later: "<hour of admission since 1970> <where> <counter> <kind of send>" -> how often. where: `s` in the
-- outcomes of its scopes, `c` in the figures of its day, `b` in both. The kind is what was noted of it, as JSON: all of it,
-- or where something of one send is in that, what scopes and figures are of. Whoever reads has that carried over first
-- (sum_outcomes).
local CATEGORIES = { marketing = true, utility = true, authentication = true }
-- In the figures these count however late they are.
local UNBOUND = { delivered = true, read = true, failed = true, withheld = true, dropped = true }
local outcomes_abouts, outcomes_kinds, outcomes_counters, outcomes_steps, outcomes_sums = {}, {}, {}, {}, {}

-- What was noted of a message, read: the sends of a moment have much of it in common. `is_begun`: by us, and not as an
-- answer; `is_counted`: in some scope; `may_answer` what a user has asked: no campaign's does, nor marketing or a login code.
local function outcomes_about(k, text)
  local known = outcomes_abouts[k]
  if not known then
    known = {}
    outcomes_abouts[k], outcomes_kinds[k] = known, {}
  end
  local noted = known[text]
  if not noted then
    local about = cjson.decode(text ~= '' and text or '{}')
    local number, category = about.number, about.category
    local is_begun = number and CATEGORIES[category]
    noted = { k = k, text = text, about = about, number = number, category = category, is_begun = is_begun,
      is_counted = is_begun or (number and (about.app or '') ~= ''),
      may_answer = not about.campaign and category ~= 'marketing' and category ~= 'authentication' }
    known[text] = noted
  end
  return noted
end

-- What this call adds up of such a send, of those that were admitted in the hour of `at`: " <where> <counter> " -> how often.
local function outcomes_of(noted, at)
  local hours = noted.hours
  if not hours then
    local kind, about = noted.text, noted.about
    -- Of one send: its row in a campaign, what is sealed of it, when its user got marketing before.
    if about.campaign or about.opaque or about.to or about.marketing_at then
      kind = cjson.encode({ app = about.app, number = about.number, waba = about.waba, category = about.category,
        template = about.template, campaign = about.campaign, step = about.step, variant = about.variant })
    end
    hours = outcomes_kinds[noted.k][kind] or { kind = kind }
    outcomes_kinds[noted.k][kind], noted.hours = hours, hours
  end
  local hour = math.floor(at / 3600000)
  local sums = hours[hour]
  if not sums then
    sums = {}
    hours[hour] = sums
    outcomes_sums[#outcomes_sums + 1] = { noted.k, hour, hours.kind, sums }
  end
  return sums
end

-- What is known of a send, of which `known` and `figures` were, when `counters` are told of it `took` ms after its
-- admission; and what that adds. Most sends of a call take the same step.
local function outcomes_step(known, figures, counters, took, timed)
  local list, name = outcomes_counters[counters], known .. '|' .. figures .. '|' .. counters .. (timed and '|t|' or '|')
  if not list then
    list = {}
    for counter, within in string.gmatch(counters, '([a-z_]+)=(-?%d+)') do
      list[#list + 1] = { counter, tonumber(within) }
    end
    outcomes_counters[counters] = list
  end
  for i = 1, #list do
    if list[i][2] >= 0 then name = name .. (took <= list[i][2] and '1' or '0') end
  end
  local step = outcomes_steps[name]
  if step then return step end
  local padded, told, fields = ' ' .. known .. ' ', {}, {}
  for _, counter in ipairs(list) do
    local in_time = counter[2] < 0 or took <= counter[2]
    if in_time or UNBOUND[counter[1]] then told[#told + 1] = counter[1] end
    if in_time and not string.find(padded, ' ' .. counter[1] .. ' ', 1, true) then
      known = known == '' and counter[1] or known .. ' ' .. counter[1]
      fields[counter[1]] = 1
    end
  end
  step = { known = known, counted = next(fields) and 1 or 0, adds = {} }
  local cells
  step.is_news, step.figures, cells, step.is_timed = figures_of(figures, told, timed)
  local adds = step.adds
  for field, by in pairs(cells) do
    local is_both = fields[field] == by
    if is_both then fields[field] = nil end
    adds[#adds + 1], adds[#adds + 2] = (is_both and ' b ' or ' c ') .. field .. ' ', by
  end
  for field, by in pairs(fields) do adds[#adds + 1], adds[#adds + 2] = ' s ' .. field .. ' ', by end
  outcomes_steps[name] = step
  return step
end

-- Adds up what is of no such step, as cells do.
local function outcomes_cells(sums, count, ...)
  local cells = { { adds = {} } }
  count(cells, ...)
  for field, by in pairs(cells[1].adds) do sums[' c ' .. field .. ' '] = (sums[' c ' .. field .. ' '] or 0) + by end
end

-- The same of how long a delivery took, as `cells_time` has it.
local DELIVERED_MS, outcomes_classes = ' c deliver.ms ', {}
local function outcomes_time(sums, ms)
  ms = ms > 0 and math.floor(ms) or 0
  local class = class_of(ms)
  local field = outcomes_classes[class]
  if not field then
    field = string.format(' c deliver.%d ', class)
    outcomes_classes[class] = field
  end
  sums[field], sums[DELIVERED_MS] = (sums[field] or 0) + 1, (sums[DELIVERED_MS] or 0) + ms
end

local function asked_key(k, pair) return k.reached .. 'asked:' .. pair end

-- Counts `counters` ("counter=ms after its admission in which it counts ...", -1: it always does) of a message that has
-- happened at `happened`; `timed`: that is the delivery itself. `known` and `figures`: what its record keeps so far;
-- `recipient`: whose question it may answer, or nil.
-- Answers 1 where something was counted in its hour, else 0, and what the record has to keep of both from now on.
local function outcomes_note(k, at, known, figures, noted, recipient, counters, happened, timed)
  known, figures = known or '', figures or ''
  if not noted.is_counted then return 0, known, figures end
  local step, sums = outcomes_step(known, figures, counters, happened - at, timed), outcomes_of(noted, at)
  -- Whatever is heard of first proves that Meta took it.
  if figures == '' and step.is_news and recipient and noted.may_answer then
    local asked, wrote = questions_answer(asked_key(k, noted.number .. ':' .. recipient), at)
    if asked then outcomes_cells(outcomes_of(noted, asked), questions_count, asked, wrote, at) end
  end
  local adds = step.adds
  for i = 1, #adds, 2 do sums[adds[i]] = (sums[adds[i]] or 0) + adds[i + 1] end
  if step.is_timed then outcomes_time(sums, happened - at) end
  return step.counted, step.known, step.figures
end

-- Tells what was added up. What finds no room is carried over at once. `carry`: scopes_carry, with the time and for how long
-- it is kept.
local function outcomes_write(carry)
  local fresh, last, last_text
  for i = 1, #outcomes_sums do
    local told = outcomes_sums[i]
    local k, hour, kind = told[1], told[2], told[3]
    if hour ~= last then last, last_text = hour, string.format('%d', hour) end
    for what, by in pairs(told[4]) do
      local field = last_text .. what .. kind
      if redis.call('HINCRBY', k.outcomes .. 'told', field, by) == by then
        fresh = fresh or {}
        fresh[k] = fresh[k] or {}
        table.insert(fresh[k], field)
        table.insert(fresh[k], by)
      end
    end
  end
  if not fresh then return end
  for k, flat in pairs(fresh) do
    redis.call('PEXPIRE', k.outcomes .. 'told', '34560000000')
    if redis.call('HLEN', k.outcomes .. 'told') > 512 then carry(k, flat) end
  end
end
