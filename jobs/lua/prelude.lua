-- Goes before every script. Given above it: LEGAL, PHASES, ENDS, PARTS, FAMILIES and the times of the table.
-- ARGV[1] is the time in seconds since the epoch, or '' for the server's own clock.

local now
if ARGV[1] == '' then
  local clock = redis.call('TIME')
  now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
else
  now = tonumber(ARGV[1])
end

local LEASES, DUE, RING, TURN, ENDINGS = 'jobs:leases', 'jobs:due', 'jobs:ring', 'jobs:turn', 'jobs:ends'
local WHOSE = 'jobs:whose'
local HOOKS = 'hooks:due'
local FLOW = 'flow:total'
local LOOKED = 'reconcile:looked'

local function record(id) return 'mig:{' .. id .. '}' end

local function ready_queue(customer) return 'jobs:ready:' .. customer end

local function imports_of(customer) return 'jobs:of:' .. customer end

local function stamp(at) return string.format('%.3f', at) end

-- The record's fields as a table, or nil when there is no such migration.
local function load(id)
  local flat = redis.call('HGETALL', record(id))
  if #flat == 0 then return nil end
  local m = {id = id}
  for i = 1, #flat, 2 do m[flat[i]] = flat[i + 1] end
  return m
end

local function keep(...)
  for _, key in ipairs({...}) do redis.call('EXPIRE', key, QUEUE_SECONDS) end
end

-- The part of a code that names its class: what follows a colon may be anything.
local function class_of(code) return string.match(code, '^[^:]*') end

-- What went through this minute, and since the beginning; never of which import.
local function count(...)
  local pairs_, minute = {...}, 'flow:' .. string.format('%d', math.floor(now / 60) * 60)
  for i = 1, #pairs_, 2 do
    redis.call('HINCRBY', minute, pairs_[i], pairs_[i + 1])
    redis.call('HINCRBY', FLOW, pairs_[i], pairs_[i + 1])
  end
  redis.call('EXPIRE', minute, FLOW_SECONDS)
  keep(FLOW)
end

-- The bytes that operators are shown of an import: rounded to 10 MB, moved at most once a minute and only when 20 more
-- messages with bytes stand behind them (what failed has none), so that the size of no single message can be told from
-- them. What is shown of all imports together is the sum of the same steps: between steps of another sum and these
-- would lie few messages.
local function show_bytes(m, messages, bytes)
  local key = record(m.id)
  local before = redis.call('HMGET', key, 'shown_messages', 'shown_at', 'shown_exactly')
  local more = messages - (tonumber(before[1]) or 0)
  local age = now - (tonumber(before[2]) or 0)
  if more < SHOWN_MESSAGES or (age >= 0 and age < 60) then return end
  local rounded = math.floor(bytes / SHOWN_BYTES + 0.5) * SHOWN_BYTES
  redis.call('HSET', key, 'shown_messages', messages, 'shown_bytes', string.format('%d', rounded), 'shown_at', stamp(now),
    'shown_exactly', string.format('%d', bytes))
  count('told', more, 'bytes', string.format('%d', math.max(0, bytes - (tonumber(before[3]) or 0))))
end

-- Count what an import brought since this was last asked; the ledger has the sums. It was written by slices, which may
-- be in hostile hands: what no import can have brought must not run the sums of all over.
local function count_brought(m)
  local counts = redis.call('HMGET', record(m.id) .. ':counts', 'settled', 'weighed', 'bytes')
  local messages = math.min(tonumber(counts[1]) or 0, MOST_MESSAGES)
  local more = messages - (tonumber(m.counted) or 0)
  if more <= 0 then return end
  redis.call('HSET', record(m.id), 'counted', messages)
  count('messages', more)
  show_bytes(m, math.min(tonumber(counts[2]) or 0, messages),
    math.min(tonumber(counts[3]) or 0, messages * LARGEST_BYTES))
end

-- When the migration's keys end: counted from its end, or from its last progress. A record of another version may
-- lack these: it keeps the end date that its keys have.
local function end_date(m)
  if ENDS[m.state] then return (tonumber(m.ended_at) or now) + ENDED_SECONDS end
  return (tonumber(m.progress_at) or now) + UNFINISHED_SECONDS
end

-- When the sweeper purges it: shortly before, while the record still says whose traces there are.
local function purge_date(m) return math.floor(end_date(m)) - PURGE_EARLY_SECONDS end

-- The account's hold, if this migration has it.
local function hold(id)
  local account = redis.call('GET', record(id) .. ':account')
  local name = account and 'account:' .. account
  return name and redis.call('GET', name) == id and name or nil
end

-- The name of every key a migration may have: the record, its parts, its families, its account's hold.
local function keys_of(id)
  local key = record(id)
  local names = {key, hold(id)}
  for _, part in ipairs(PARTS) do names[#names + 1] = key .. ':' .. part end
  for family, index in pairs(FAMILIES) do
    for _, field in ipairs(redis.call('HKEYS', key .. ':' .. index)) do
      names[#names + 1] = key .. ':' .. family .. field
    end
  end
  return names
end

-- The list by which a customer's migrations are found ends with the last of them, and each entry's score is the end of
-- its migration: nobody has to clear away what ended while no worker ran.
local function end_list_of(customer)
  local last = redis.call('ZRANGE', imports_of(customer), -1, -1, 'WITHSCORES')[2]
  if last then redis.call('EXPIREAT', imports_of(customer), last) end
end

local function list_for_customer(m, at)
  redis.call('ZADD', imports_of(m.customer), at, m.id)
  redis.call('ZREMRANGEBYSCORE', imports_of(m.customer), '-inf', now)
  end_list_of(m.customer)
end

-- Give every key of the migration its end date. The last thing a script does with a migration.
local function touch(m)
  local at = math.floor(end_date(m))
  for _, name in ipairs(keys_of(m.id)) do redis.call('EXPIREAT', name, at) end
  list_for_customer(m, at)
  -- When the sweeper looks at it again: in time to end it properly, or to purge it.
  local sweep = purge_date(m)
  if not ENDS[m.state] and m.ending ~= 'expired' then sweep = tonumber(m.progress_at) + EXPIRE_SECONDS end
  redis.call('ZADD', ENDINGS, sweep, m.id)
  redis.call('HSET', WHOSE, m.id, m.customer)
  keep(ENDINGS, WHOSE)
end

local function add_ready(m)
  local turn = redis.call('INCR', TURN)
  if redis.call('ZADD', ready_queue(m.customer), 'NX', turn, m.id) == 1 then
    redis.call('HSET', record(m.id), 'ready_at', stamp(now))
  end
  redis.call('ZADD', RING, 'NX', turn, m.customer)
  keep(TURN, RING, ready_queue(m.customer))
end

local function drop_ready(m)
  redis.call('ZREM', ready_queue(m.customer), m.id)
  if redis.call('EXISTS', ready_queue(m.customer)) == 0 then redis.call('ZREM', RING, m.customer) end
end

local function set(m, ...)
  local pairs_ = {...}
  for i = 1, #pairs_, 2 do m[pairs_[i]] = pairs_[i + 1] end
  redis.call('HSET', record(m.id), ...)
end

-- Only a slice whose own process died may have died of the message it was trying.
local function acquit(m) redis.call('DEL', record(m.id) .. ':trying') end

-- Slices that died in a row, without progress between them: how many, and since when.
local function forgive(m) set(m, 'crashes', '0', 'crashed_since', '0') end

local function note_crash(m)
  local crashes = tonumber(m.crashes) + 1
  local since = crashes > 1 and stamp(math.min(now, tonumber(m.crashed_since))) or stamp(now)
  set(m, 'crashes', tostring(crashes), 'crashed_since', since)
end

-- It has gone on for long enough to call a person; `more`: with one crash that is not noted yet.
local function is_hopeless(m, more)
  return tonumber(m.crashes) + (more or 0) >= CRASH_LIMIT and now - tonumber(m.crashed_since or now) >= CRASH_SECONDS
end

local function crash_pause(crashes) return CRASH_PAUSES[math.min(crashes, #CRASH_PAUSES)] end

-- What was away for a moment is tried again soon, and less often the longer nothing has been achieved.
local function soon(m)
  return stamp(now + math.min(SOON_SECONDS[2], math.max(SOON_SECONDS[1], (now - tonumber(m.progress_at)) / 4)))
end

local function note_progress(m)
  count_brought(m)
  forgive(m)
  -- An expired migration is not kept alive by its own clearing up.
  if m.ending == 'expired' then return end
  set(m, 'progress_at', stamp(now), 'told', '')
end

local HELD_UP = {waiting = true, paused = true, failed = true}

-- Somebody wished it so: no trouble that anybody need look at.
local function chosen(reason) return reason == '' or reason == 'asked' or reason == 'not-started' end

-- Have the host told (jobs/webhooks.py) of an end, or of what does not go on without a person.
local function tell_host(m, to, reason)
  if not ENDS[to] and to ~= 'failed' and not (to == 'paused' and not chosen(reason))
    and not (to == 'waiting' and (reason == 'mailbox-full' or reason == 'failed-messages')) then return end
  -- A full mailbox is looked at again and again; the host is told once, until there was progress.
  if m.told == to .. reason then return end
  set(m, 'told', to .. reason)
  local events = record(m.id) .. ':events'
  redis.call('RPUSH', events, stamp(now) .. ' ' .. to .. ' ' .. reason)
  redis.call('LTRIM', events, -HISTORY_LENGTH, -1)
  -- One that is being told, or told again later, keeps its time: events are told in order.
  redis.call('ZADD', HOOKS, 'NX', now, m.id)
  keep(HOOKS)
end

-- Put the migration, which no slice holds any more, into a state and where that state belongs.
-- `fields`: phase, reason, till, resumable, ending. The step must have been found legal before.
local function enter(m, to, fields)
  redis.call('ZREM', LEASES, m.id)
  redis.call('ZREM', DUE, m.id)
  drop_ready(m)
  if to ~= m.state then
    local line = stamp(now) .. ' ' .. to .. ' ' .. (fields.reason or '')
    redis.call('LPUSH', record(m.id) .. ':history', line)
    redis.call('LTRIM', record(m.id) .. ':history', 0, HISTORY_LENGTH - 1)
    tell_host(m, to, ENDS[to] and '' or fields.reason or '')
    if HELD_UP[to] and not chosen(fields.reason or '') then count('code:' .. class_of(fields.reason), 1) end
  end
  set(m, 'state', to, 'phase', fields.phase or m.phase, 'reason', fields.reason or '',
    'until', fields.till or '0', 'resumable', fields.resumable or '0', 'ending', fields.ending or m.ending,
    'token', '', 'wish', '')
  if ENDS[to] then set(m, 'ended_at', stamp(now)) end
  if PHASES[to] then add_ready(m) end
  if to == 'waiting' then
    set(m, 'waits_since', stamp(now))
    redis.call('ZADD', DUE, m['until'], m.id)
    keep(DUE)
  end
  touch(m)
end

local function may(from, to) return from == to or (LEGAL[from] or {})[to] == true end

-- The state a wish turns `to` into, or nil when it changes nothing any more.
local function wished(wish, to, phase)
  if wish == 'cancel' or wish == 'expire' then
    if ENDS[to] then return nil end
    return 'finishing', {phase = 'finishing', ending = wish == 'cancel' and 'cancelled' or 'expired'}
  end
  if wish == 'pause' and phase ~= 'finishing' and (PHASES[to] or to == 'waiting') then
    return 'paused', {phase = phase, reason = 'asked'}
  end
  return nil
end
