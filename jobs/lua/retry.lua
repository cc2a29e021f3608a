-- ARGV: now, id, '1' when there is anything to be tried again. What failed is opened by the next slice
-- (migrator/reopening.py), under its own token. Answer: {'ok'}, {'unknown'} or {'illegal', from, to}.
local m = load(ARGV[2])
if not m then return {'unknown'} end
if ENDS[m.state] or m.phase == 'finishing' or m.wish == 'cancel' or m.wish == 'expire'
  or (m.state == 'failed' and m.resumable ~= '1') then
  return {'illegal', m.state, 'copying'}
end
if ARGV[3] == '1' then
  redis.call('SET', record(m.id) .. ':retry', '1')
  touch(m)
end
return {'ok'}
