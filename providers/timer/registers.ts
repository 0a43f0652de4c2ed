/**
 * Registers of the emulated timer: one comparator on a free-running nanosecond counter, in the
 * manner of a high precision event timer, reduced to what one-shot deadlines need.
 *
 * All registers are 32 bits wide; 64-bit values are two of them, low half first.
 */

/** Where the timer's registers lie in the machine's memory-mapped space. */
export const TIMER_BASE = 0xfed00000;
export const TIMER_LENGTH = 0x20;
/** Its interrupt line: level-triggered, as line 0 of a PC is the timer's. */
export const TIMER_LINE = 0;

/** R: low half of the counter. Reading it latches the high half. */
export const REG_COUNTER_LOW = 0x00;
/** R: high half of the counter at the last read of the low half. */
export const REG_COUNTER_HIGH = 0x04;
/** R/W: low half of the comparator. */
export const REG_COMPARE_LOW = 0x08;
/** R/W: high half of the comparator. Writing it arms the timer for the whole value. */
export const REG_COMPARE_HIGH = 0x0c;
/** R: {@link STATUS_FIRED}, {@link STATUS_ARMED}. W: a 1 in FIRED acknowledges the interrupt. */
export const REG_STATUS = 0x10;
/** W: 1 disarms. */
export const REG_DISARM = 0x14;

/** The counter reached the comparator, and nobody has acknowledged it. The line is asserted. */
export const STATUS_FIRED = 0x1;
/** The comparator is set and not reached. */
export const STATUS_ARMED = 0x2;
