-- ARGV: now, id, 'pause' | 'resume' | 'cancel' | 'expire'. At once when no slice runs, else as a wish it sees when it renews.
-- Answer: {'ok'}, {'unknown'} or {'illegal', from, to}.
local id, what = ARGV[2], ARGV[3]
local m = load(id)
if not m then return {'unknown'} end
local running, working = m.token ~= '', PHASES[m.state]

if what == 'pause' then
  if m.state == 'paused' then return {'ok'} end
  if m.phase == 'finishing' or not may(m.state, 'paused') then return {'illegal', m.state, 'paused'} end
  if not running then
    enter(m, 'paused', {reason = 'asked'})
  elseif m.wish == '' then
    set(m, 'wish', 'pause')
  end
  return {'ok'}
end

if what == 'resume' then
  if working then
    if m.wish == 'pause' then set(m, 'wish', '') end
    return {'ok'}
  end
  if not may(m.state, m.phase) or (m.state == 'failed' and m.resumable ~= '1') then
    return {'illegal', m.state, m.phase}
  end
  forgive(m)
  enter(m, m.phase, {})
  return {'ok'}
end

-- cancel, expire
if not may(m.state, 'finishing') then return {'illegal', m.state, 'finishing'} end
if m.state == 'finishing' then return {'ok'} end -- it is ending already
if running then
  set(m, 'wish', what)
else
  local ending = what == 'expire' and 'expired' or 'cancelled'
  enter(m, 'finishing', {phase = 'finishing', ending = m.ending ~= '' and m.ending or ending})
end
return {'ok'}
