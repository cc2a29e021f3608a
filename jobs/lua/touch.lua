-- ARGV: now, id, the part of a further key to remember or ''. Answer: {'ok'} or {'unknown'}.
local m = load(ARGV[2])
if not m then return {'unknown'} end
if ARGV[3] ~= '' then redis.call('SADD', record(m.id) .. ':more', ARGV[3]) end
touch(m)
return {'ok'}
