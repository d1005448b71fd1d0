-- once: what only one of several does: a string, "<since when (ms)> <message id> <fingerprint>" of the one that has claimed
-- it, and after a line break its answer, from when there is one.
local function once_read(text)
  local since, id, fingerprint, from = string.match(text, '^(%d+) (%S+) (%S*)()')
  return tonumber(since), id, fingerprint, from <= #text and string.sub(text, from + 1) or nil
end

local function once_text(now, id, fingerprint) return string.format('%.0f ', now) .. id .. ' ' .. fingerprint end
