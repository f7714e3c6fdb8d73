-- Read what is kept of subjects, in one moment, and change nothing.
-- KEYS     the names of counts, refusals, holds and siblings, in the order that decide.lua reads them
-- Returns  {this server's clock: {seconds, microseconds}, {a value or nil for each key}}
return {redis.call('TIME'), redis.call('MGET', unpack(KEYS))}
