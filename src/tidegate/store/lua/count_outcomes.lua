-- count_outcomes: count what became of sends, where that is told by no status of theirs.
-- uses: keys, time, message, adds, figures, questions, told, outcomes
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  ms for which a day's outcomes are kept
-- ARGV[2+] 4 a send: portfolio, message id, counters as "counter=ms after its admission in which it counts ..." (-1: it
--          always does), when it happened (ms)
--
-- Returns now, then 1 for each send of which something was counted in its hour, else 0. A message's record keeps what was
-- counted of it, so running again adds nothing; nothing is counted of a message that was forgotten.
local now = now_ms(KEYS[1])
local answer = { now }

local function carry(k, flat)
  -- with: cells, scopes
  scopes_carry(k, flat, now, ARGV[1])
end

local function count(k, id, counters, happened)
  local record = message_read(k, id, 'state', 'at', 'outcomes', 'kpis', 'about')
  if not record[1] or not record[2] then return 0 end
  local counted, known, figures = outcomes_note(k, tonumber(record[2]), record[3], record[4],
    outcomes_about(k, record[5] or ''), nil, counters, happened, false)
  if known ~= (record[3] or '') or figures ~= (record[4] or '') then
    message_set(k, id, 'outcomes', known, 'kpis', figures)
  end
  return counted
end

for i = 2, #ARGV, 4 do
  answer[#answer + 1] = count(keys_of(tonumber(ARGV[i])), ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]))
end
outcomes_write(carry)
return answer
