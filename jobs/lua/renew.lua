-- ARGV: now, id, token, lease seconds, '1' when there was progress. Answer: {'none' | 'pause' | 'cancel' | 'lost'}.
local id, token, lease, progressed = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local m = load(id)
if not m or token == '' or m.token ~= token then return {'lost'} end
redis.call('ZADD', LEASES, stamp(now + lease), id)
keep(LEASES)
if progressed then
  note_progress(m)
  touch(m)
end
if m.wish == '' then return {'none'} end
return {m.wish == 'pause' and 'pause' or 'cancel'}
