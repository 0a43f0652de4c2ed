/**
 * Registers of the emulated network device: a bus-mastering Ethernet controller in the manner of
 * Intel's 8254x family, reduced to one transmit ring, one receive ring and a one-shot timer.
 *
 * All registers are 32 bits wide. A ring is an array of 16-byte descriptors in memory; the device
 * owns those from its head up to, but not including, its tail. The driver moves the tail, the
 * device the head; a ring whose head equals its tail holds nothing for the device.
 *
 * References: [8254x] Intel PCI/PCI-X Family of Gigabit Ethernet Controllers, Software Developer's
 * Manual, 317453: sections 3.2 (receive), 3.3 (transmit), 13.4.17 (interrupt cause).
 */

/** Where the registers lie in the machine's memory-mapped space. */
export const NETWORK_BASE = 0xfea00000;
export const NETWORK_LENGTH = 0x80;
/** Its interrupt line: level-triggered, as PCI's are. */
export const NETWORK_LINE = 11;

/** R/W: {@link CONTROL_RESET}, {@link CONTROL_TRANSMIT}, {@link CONTROL_RECEIVE}. */
export const REG_CONTROL = 0x00;
/** R: why the line is asserted; reading clears all causes and lets the line go. */
export const REG_CAUSE = 0x04;
/** R: causes that assert the line. W: a 1 lets the cause through. */
export const REG_MASK_SET = 0x08;
/** W: a 1 masks the cause. */
export const REG_MASK_CLEAR = 0x0c;

/** R/W: address of the first descriptor; the low 4 bits are 0. */
export const REG_TRANSMIT_BASE = 0x10;
/** R/W: descriptors of the ring, up to {@link RING_COUNT_MAX}. A write sets head and tail to 0. */
export const REG_TRANSMIT_COUNT = 0x14;
/** R: the descriptor that the device looks at next. */
export const REG_TRANSMIT_HEAD = 0x18;
/** R/W: the first descriptor that is the driver's. */
export const REG_TRANSMIT_TAIL = 0x1c;

/** As the transmit ring's registers. */
export const REG_RECEIVE_BASE = 0x20;
export const REG_RECEIVE_COUNT = 0x24;
export const REG_RECEIVE_HEAD = 0x28;
export const REG_RECEIVE_TAIL = 0x2c;

/** R/W: low half of the moment, in nanoseconds of the machine's clock, at which the timer fires. */
export const REG_COMPARE_LOW = 0x30;
/** R/W: high half. Writing it arms the timer for the whole value. */
export const REG_COMPARE_HIGH = 0x34;
/** W: any value disarms the timer. */
export const REG_DISARM = 0x38;

/** R: frames handed to the wire. */
export const REG_FRAMES_SENT = 0x40;
/** R: frames put into memory. */
export const REG_FRAMES_RECEIVED = 0x44;
/** R: frames dropped because no receive descriptor was free. */
export const REG_FRAMES_MISSED = 0x48;
/** R: descriptors whose memory is not there, or whose length does not suit the frame. */
export const REG_BAD_DESCRIPTORS = 0x4c;

/** W: back to power-on; reads as 0. */
export const CONTROL_RESET = 0x1;
/** The transmitter runs. */
export const CONTROL_TRANSMIT = 0x2;
/** The receiver runs; frames that come while it does not are dropped. */
export const CONTROL_RECEIVE = 0x4;

/** Frames were received. */
export const CAUSE_RECEIVED = 0x1;
/** Everything in the transmit ring was sent. */
export const CAUSE_SENT = 0x2;
/** The timer's moment has come. */
export const CAUSE_TIMER = 0x4;
/** Frames were missed. */
export const CAUSE_MISSED = 0x8;

/** Most descriptors of a ring. */
export const RING_COUNT_MAX = 4096;
/** A frame is at most one page long. */
export const FRAME_BYTES_MAX = 4096;

export const DESCRIPTOR_BYTES = 16;
/** Address of the frame's memory. */
export const DESCRIPTOR_ADDRESS = 0;
/** Upper half of the address: 0, because memory ends below 4 GiB. */
export const DESCRIPTOR_ADDRESS_HIGH = 4;
/** Transmit: bytes of the frame. Receive: room at the address; then the bytes that came. */
export const DESCRIPTOR_LENGTH = 8;
/** {@link DESCRIPTOR_DONE}, {@link DESCRIPTOR_ERROR}: set by the device, cleared by the driver. */
export const DESCRIPTOR_STATUS = 12;

/** The device is done with the descriptor and its memory. */
export const DESCRIPTOR_DONE = 0x1;
/** The device could not use the descriptor. */
export const DESCRIPTOR_ERROR = 0x2;
