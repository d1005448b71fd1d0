-- Takes what it is told, and answers as much as the other two: nothing is read, nothing written.
local answer = { 0 }
for i = 2, #ARGV, 3 do answer[#answer + 1] = 1 end
return answer
