/** Field numbers of Perfetto's messages, from the `.proto` files named at each. */

/** perfetto/trace/trace.proto: `repeated TracePacket packet` of Trace. */
export const PACKET = 1;

/** perfetto/trace/trace_packet.proto. */
export const TRACE_PACKET = {
  TIMESTAMP: 8,
  TRUSTED_PACKET_SEQUENCE_ID: 10,
  TRACK_EVENT: 11,
  SEQUENCE_FLAGS: 13,
  TRACK_DESCRIPTOR: 60,
  FIRST_PACKET_ON_SEQUENCE: 87,
} as const;
/** SEQ_INCREMENTAL_STATE_CLEARED of TracePacket.SequenceFlags. */
export const SEQUENCE_CLEARED = 1;

/** perfetto/trace/track_event/track_descriptor.proto. */
export const TRACK = { UUID: 1, NAME: 2, PROCESS: 3, PARENT_UUID: 5, COUNTER: 8 } as const;

/** perfetto/trace/track_event/process_descriptor.proto. */
export const PROCESS = { PID: 1, PROCESS_NAME: 6 } as const;

/** perfetto/trace/track_event/counter_descriptor.proto. */
export const COUNTER = { UNIT: 3 } as const;
/** CounterDescriptor.Unit. */
export const UNIT = { COUNT: 2, SIZE_BYTES: 3 } as const;

/** perfetto/trace/track_event/track_event.proto. */
export const TRACK_EVENT = {
  DEBUG_ANNOTATIONS: 4,
  TYPE: 9,
  TRACK_UUID: 11,
  CATEGORIES: 22,
  NAME: 23,
  COUNTER_VALUE: 30,
  FLOW_IDS: 47,
  TERMINATING_FLOW_IDS: 48,
} as const;
/** TrackEvent.Type. */
export const EVENT_TYPE = { SLICE_BEGIN: 1, SLICE_END: 2, INSTANT: 3, COUNTER: 4 } as const;

/** perfetto/trace/track_event/debug_annotation.proto. */
export const DEBUG_ANNOTATION = { INT_VALUE: 4, STRING_VALUE: 6, NAME: 10 } as const;
