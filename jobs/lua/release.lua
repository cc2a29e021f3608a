-- ARGV: now, id, token, kind, code, seconds to wait (0: soon), resumable, '1' when its process died on its own, '1' when there was progress,
-- the slice's last write ('' for none): when it is forgotten, the phase is not over.
-- The end of a slice and the step that follows from it, in one. A wish made meanwhile goes first. What is given back is
-- as it was before it was claimed: it has waited since the same time, and nothing is counted.
-- Answer: {'ok', state}, {'lost'} or {'illegal', from, to}; the last two change nothing.
local id, token, kind, code, till, resumable = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local accuses, progressed, step = ARGV[8] == '1', ARGV[9] == '1', ARGV[10]
local m = load(id)
if not m or token == '' or m.token ~= token then return {'lost'} end
if kind == 'advance' and step ~= '' and m.step ~= step then kind = 'again' end

-- A held import goes on at once when somebody decided while its slice still ran (migrator/hold.py).
if kind == 'wait' and code == 'failed-messages'
  and redis.call('EXISTS', record(id) .. ':retry', record(id) .. ':finish') > 0 then
  kind = 'again'
end

-- What failed is to be tried again: asked for while the last slice before the end ran.
if kind == 'advance' and code == 'finishing' and m.ending == '' and redis.call('EXISTS', record(id) .. ':retry') == 1 then
  code = 'copying'
end

local to, fields = m.state, {}
if kind == 'advance' then
  to, fields = code, {phase = code}
elseif kind == 'ended' then
  -- Someone's cancelling, or the time that ran out, names the end; the slice says only how it went.
  to = m.ending ~= '' and m.ending or code
elseif kind == 'wait' then
  to, fields = 'waiting', {till = tonumber(till) == 0 and soon(m) or stamp(now + tonumber(till)), reason = code}
elseif kind == 'paused' then
  to, fields = 'paused', {reason = code}
elseif kind == 'failed' then
  to, fields = 'failed', {reason = code, resumable = resumable}
elseif kind == 'crashed' and not progressed and is_hopeless(m, 1) then
  to, fields = 'failed', {reason = code, resumable = '1'}
elseif kind == 'crashed' then
  local crashes = (progressed and 0 or tonumber(m.crashes)) + 1
  to, fields = 'waiting', {till = stamp(now + crash_pause(crashes)), reason = code}
end
if not LEGAL[to] or not may(m.state, to) or (kind == 'advance' and not PHASES[to])
  or (kind == 'ended' and not ENDS[to]) then
  return {'illegal', m.state, to}
end

local instead, theirs = wished(m.wish, to, fields.phase or m.phase)
if instead then
  if not may(m.state, instead) then return {'illegal', m.state, instead} end
  to, fields = instead, theirs
end

if progressed or kind == 'again' or kind == 'advance' or kind == 'ended' then note_progress(m) end
if kind == 'crashed' then note_crash(m) end
if not accuses and kind ~= 'given-back' then acquit(m) end
if kind == 'crashed' and fields.reason ~= code then count('code:' .. class_of(code), 1) end -- else `enter` counts it
local since = m.ready_at
enter(m, to, fields)
if kind == 'given-back' and since then set(m, 'ready_at', since) end
return {'ok', to}
