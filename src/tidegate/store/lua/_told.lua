-- told: what became of sends, as it is told. What is counted in one call is added up, and `outcomes_write` tells it in one
-- hash, `outcomes:told`, whatever it is counted in later: "<hour of admission since 1970> <where> <counter> <kind of send>"
-- -> how often. where: `s` in the outcomes of its scopes, `c` in the figures of its day, `b` in both. The kind is what was
-- noted of it, as JSON: all of it, or where something of one send is in that, what scopes and figures are of. Whoever reads
-- has that carried over first (sum_outcomes).
local CATEGORIES = { marketing = true, utility = true, authentication = true }
local outcomes_abouts, outcomes_kinds, outcomes_sums = {}, {}, {}

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
