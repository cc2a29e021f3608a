-- ARGV: now, id. Too long without progress: end it while there is time to revoke the grant. A running slice is told
-- by a wish. Answer: {'ok'}, or {'no'} when it made progress meanwhile, ended, or is gone.
local m = load(ARGV[2])
if not m or ENDS[m.state] or m.phase == 'finishing' then return {'no'} end
if not LEGAL[m.state] or not tonumber(m.progress_at) then
  -- Another version wrote it, and may know what it means: it is looked at again when its keys are about to end.
  redis.call('ZADD', ENDINGS, purge_date(m), m.id)
  return {'no'}
end
if now < tonumber(m.progress_at) + EXPIRE_SECONDS then return {'no'} end
if m.token == '' then
  enter(m, 'finishing', {phase = 'finishing', ending = 'expired'})
elseif m.wish ~= 'cancel' then
  set(m, 'wish', 'expire')
end
redis.call('ZADD', ENDINGS, purge_date(m), m.id)
return {'ok'}
