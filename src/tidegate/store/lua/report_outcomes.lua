-- report_outcomes: count what an app reports of its sends in the figures of their day, and of a campaign's sends under the
-- hour of their admission too.
-- uses: keys, time, message, adds, cells
--
-- KEYS     one portfolio's block (store/keys.py)
-- ARGV[1]  ms for which a day's outcomes are kept
-- ARGV[2]  ms after its admission in which something may be reported of a send
-- ARGV[3]  most different things that are counted of one send
-- ARGV[4]  the app that reports
-- ARGV[5+] 3 a report: message id, what is reported (a rate of gates, or `handling`), its value in thousandths (of handling
--          in ms)
--
-- Returns now, then for each 1 where it was counted, 0 where that was counted before, -1 where no such message of the
-- app's was sent, -3 where it is too late, -4 where too much was. A message's record keeps
-- what was counted of it, so running again adds nothing.
local STEPS_A_CELL = 60
local k, now, answer = keys_of(0), now_ms(KEYS[1]), {}

-- A rate, or a step of a journey by the app's own word, of which a cell keeps some apart.
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

local function report(id, what, value)
  local record = message_read(k, id, 'about', 'at', 'outcomes', 'reported')
  local outcomes, known = ' ' .. (record[3] or '') .. ' ', record[4] or ''
  local about = record[1] and cjson.decode(record[1])
  if not about or about.app ~= ARGV[4] or not string.find(outcomes, ' sent ', 1, true) then return -1 end
  local at = tonumber(record[2])
  if now - at > tonumber(ARGV[2]) then return -3 end
  if string.find(' ' .. known .. ' ', ' ' .. what .. ' ', 1, true) then return 0 end
  local _, others = string.gsub(known, '%S+', '')
  if others >= tonumber(ARGV[3]) then return -4 end
  message_set(k, id, 'reported', known == '' and what or known .. ' ' .. what)
  if what == 'handling' then
    cells_time(cells_of(k, at, about), what, value)
    return 1
  end
  cells_report(cells_of(k, at, about), what, value)
  if not (about.campaign and about.step and about.variant) then return 1 end
  local scope = 'campaign_part:' .. about.campaign .. ':' .. about.step .. ':' .. about.variant
  local key = k.outcomes .. string.format('%.0f:', math.floor(at / 86400000)) .. scope
  local field = string.format('%02d.', math.floor(at / 3600000) % 24) .. what
  redis.call('HINCRBY', key, field, value)
  redis.call('HINCRBY', key, field .. '.n', 1)
  redis.call('PEXPIRE', key, ARGV[1])
  return 1
end

for i = 5, #ARGV, 3 do answer[#answer + 1] = report(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])) end
cells_write()
table.insert(answer, 1, now)
return answer
