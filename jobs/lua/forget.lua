-- ARGV: now, key, value. Deletes the key if it still has this value. Answer: {'ok'} or {'no'}.
if redis.call('GET', ARGV[2]) ~= ARGV[3] then return {'no'} end
redis.call('DEL', ARGV[2])
return {'ok'}
