-- outcomes: what became of sends, counted (_told.lua). A message's record keeps what was counted of it, so that what is told
-- again adds nothing.
-- In the figures these count however late they are.
local UNBOUND = { delivered = true, read = true, failed = true, withheld = true, dropped = true }
local outcomes_counters = {}
-- The step that was taken last, and by what.
local last_known, last_figures, last_list, last_which, last_step

-- What is known of a send, of which `known` and `figures` were, when `counters` are told of it `took` ms after its
-- admission; and what that adds. Most sends of a call take the same step.
local function outcomes_step(known, figures, counters, took, timed)
  local list = outcomes_counters[counters]
  if not list then
    list = { steps = {} }
    for counter, within in string.gmatch(counters, '([a-z_]+)=(-?%d+)') do
      list[#list + 1] = { counter, within == '-1' and math.huge or tonumber(within) }
    end
    outcomes_counters[counters] = list
  end
  -- Which of them came in time, and whether it is timed: a bit each.
  local which = timed and 1 or 0
  for i = 1, #list do which = 2 * which + (took <= list[i][2] and 1 or 0) end
  if known == last_known and figures == last_figures and list == last_list and which == last_which then return last_step end
  last_known, last_figures, last_list, last_which = known, figures, list, which
  local name = which .. known .. '|' .. figures
  local step = list.steps[name]
  if step then
    last_step = step
    return step
  end
  local padded, told, fields = ' ' .. known .. ' ', {}, {}
  for _, counter in ipairs(list) do
    local in_time = took <= counter[2]
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
  list.steps[name], last_step = step, step
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

-- Counts what a send answers, where its recipient has asked something.
local function outcomes_answer(noted, recipient, at)
  local asked, wrote = questions_answer(noted.k.reached .. 'asked:' .. noted.number .. ':' .. recipient, at)
  if asked then outcomes_cells(outcomes_of(noted, asked), questions_count, asked, wrote, at) end
end

-- Counts `counters` ("counter=ms after its admission in which it counts ...", -1: it always does) of a message that has
-- happened at `happened`; `timed`: that is the delivery itself. `known` and `figures`: what its record keeps so far;
-- `recipient`: whose question it may answer, or nil.
-- Answers 1 where something was counted in its hour, else 0, and what the record has to keep of both from now on.
local function outcomes_note(k, at, known, figures, noted, recipient, counters, happened, timed)
  known, figures = known or '', figures or ''
  if not noted.same.is_counted then return 0, known, figures end
  local step, sums = outcomes_step(known, figures, counters, happened - at, timed), outcomes_of(noted, at)
  -- Whatever is heard of first proves that Meta took it.
  if figures == '' and step.is_news and recipient and noted.same.may_answer then outcomes_answer(noted, recipient, at) end
  local adds = step.adds
  for i = 1, #adds, 2 do sums[adds[i]] = (sums[adds[i]] or 0) + adds[i + 1] end
  if step.is_timed then outcomes_time(sums, happened - at) end
  return step.counted, step.known, step.figures
end
