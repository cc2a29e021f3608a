-- ARGV: now, at most so many. What the sweeper has to do, without doing it: each act is written down before.
-- Answer: {id, 'expired' | 'purged', state or 'lost', id, ...}.
local answer = {}
local function say(id, act, state)
  for _, word in ipairs({id, act, state}) do answer[#answer + 1] = word end
end
for _, id in ipairs(redis.call('ZRANGE', ENDINGS, '-inf', now, 'BYSCORE', 'LIMIT', 0, tonumber(ARGV[2]))) do
  local m = load(id)
  if not m then
    say(id, 'purged', 'lost')
  elseif now >= purge_date(m) then
    say(id, 'purged', m.state)
  elseif m.phase == 'finishing' or m.wish == 'cancel' then
    -- It is ending already; it keeps trying until its keys end.
    redis.call('ZADD', ENDINGS, purge_date(m), id)
  else
    say(id, 'expired', m.state)
  end
end
return answer
