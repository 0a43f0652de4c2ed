/**
 * The tables in which a recording can be asked questions. They are made anew from a recording
 * whenever they are wanted, so this is no format: nothing is ever migrated. Names stay the same
 * within a major version.
 */

/** Changes whenever the tables do, so that no older side database is taken for one of these. */
export const TABLES_VERSION = 1;

/** One row for each event; what an event does not have is null. */
const EVENT_TABLE = `create table event (
  sequence integer primary key, -- number of the event, from 0
  time_ns integer not null,     -- the session's clock before the event, nanoseconds
  kind text not null,           -- submit, complete, start, settle, turn, clock, host, mark, ...
  slot integer,                 -- descriptor slot
  operation integer,            -- number of the operation, from 1
  provider text,                -- submit, start: kind of the provider; disk for a file of io_uring
  handle integer,               -- start: the end's handle
  opcode text,                  -- submit: READ, WRITE, ...; start: the operation's name; host: call
  file integer,                 -- submit: the ring file, -1 for none
  offset integer,               -- submit, start: position, -1 for the current one
  length integer,               -- submit, start: bytes asked for
  result integer,               -- complete, settle, host: count, or a negative error number
  flags integer,                -- submit: flags of the opcode; complete: flags of the completion
  bytes_length integer,         -- bytes that the recording holds of what came in
  digest integer,               -- CRC-32 of those bytes, or of what was written
  text text                     -- mark: the line; end: the outcome; host: the arguments
)`;

/** Which events begin and end each operation. */
const SPAN_TABLE = `create table span (
  operation integer primary key, -- number of the operation, from 1
  submitted integer not null,    -- event with which it began
  completed integer,             -- event with which it ended, null if it did not
  action text not null,          -- read, write, flush, ...: on both backends the same
  moved_bytes integer not null   -- bytes of all its results
)`;

const OPERATION_VIEW = `create view operation as
select span.operation, s.provider, coalesce(s.handle, s.file) as handle, span.action,
  s.opcode, s.offset, s.length, c.result, span.moved_bytes,
  s.time_ns as begin_ns, c.time_ns as end_ns, c.time_ns - s.time_ns as latency_ns,
  s.digest, s.sequence as submitted, c.sequence as completed
from span join event s on s.sequence = span.submitted
  left join event c on c.sequence = span.completed`;

const SUMMARY_VIEW = `create view provider_summary as
select provider, action, count(*) as operations, sum(result < 0) as failed,
  sum(completed is null) as unfinished, sum(moved_bytes) as moved_bytes,
  min(latency_ns) as latency_ns_min, cast(avg(latency_ns) as integer) as latency_ns_mean,
  max(latency_ns) as latency_ns_max
from operation group by provider, action`;

/** The statements that make them, in their order; what `--schema` shows. */
export const TABLES: readonly string[] = [EVENT_TABLE, SPAN_TABLE, OPERATION_VIEW, SUMMARY_VIEW];
