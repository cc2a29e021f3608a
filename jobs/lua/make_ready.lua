-- ARGV: now, id. Puts a migration that has work and no slice into its customer's queue; twice is harmless.
-- Answer: {'ok'}, {'not-ready'} or {'unknown'}.
local m = load(ARGV[2])
if not m then return {'unknown'} end
if not PHASES[m.state] or m.token ~= '' then return {'not-ready'} end
add_ready(m)
return {'ok'}
