-- ARGV: now, id. Answer: {'ok'} or {'unknown'}.
local m = load(ARGV[2])
if not m then return {'unknown'} end
touch(m)
return {'ok'}
