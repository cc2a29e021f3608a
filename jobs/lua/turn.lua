-- ARGV: now, key, seconds. One of all processes at a time, and not again before so many seconds are over.
-- A turn taken in the future was taken before the clock was set back: it holds nobody up. Answer: {'ok'} or {'no'}.
local key, seconds = ARGV[2], tonumber(ARGV[3])
local at = tonumber(redis.call('GET', key) or '')
if at and at <= now and now < at + seconds then return {'no'} end
redis.call('SET', key, stamp(now), 'EX', math.ceil(seconds))
return {'ok'}
