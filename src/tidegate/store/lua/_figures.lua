-- figures: what became of one send, in the cells of the day of its admission: each counter once, in whatever order it is
-- told. `kpis` of its record keeps what was counted, a letter each (`t`: how long its delivery took). A send fails once,
-- for the first reason that is told; what was delivered after all has not failed.
--
-- counters: those that came soon enough. timed: whether what happened is the delivery itself. Answers whether that is news;
-- what is known of the send now, what that adds, and whether how long the delivery took is to be added too.
local function figures_of(known, counters, timed)
  local letters = { sent = 's', delivered = 'd', read = 'r', failed = 'f', withheld = 'w', dropped = 'x',
    opted_out = 'o', replied = 'p' }
  local adds, is_news = {}, known == '' and counters[1] ~= nil
  local function is_known(counter) return string.find(known, letters[counter], 1, true) ~= nil end
  local function add(counter, by) adds[counter] = (adds[counter] or 0) + by end
  for _, counter in ipairs(counters) do
    local is_failure = counter == 'failed' or counter == 'withheld' or counter == 'dropped'
    local failed = (is_failure or counter == 'delivered')
      and (is_known('failed') and 'failed' or is_known('withheld') and 'withheld' or is_known('dropped') and 'dropped')
    is_news = is_news or not is_known(counter)
    if not is_known(counter) and not (is_failure and failed) then
      if failed then add(failed, -1) end
      if not (is_failure and is_known('delivered')) then add(counter, 1) end
      known = known .. letters[counter]
    end
  end
  local is_timed = timed and not string.find(known, 't', 1, true)
  return is_news or is_timed, is_timed and known .. 't' or known, adds, is_timed
end
