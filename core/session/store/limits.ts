/**
 * Bounds on what a recording's header holds: generous for real sessions, small enough that a
 * hostile file cannot make a reader allocate much. Writers keep them too.
 */

/** Version of the meaning of the file: rises when an older reader would misunderstand it. */
export const FORMAT_VERSION = 2;
/** The oldest that this release reads: segments without packing, no places to travel to. */
export const FORMAT_FIRST = 1;
/** The first one with checkpoints and marks as rows. */
export const FORMAT_PLACES = 2;
/** Options, selection and a provider's config, each as JSON text. */
export const JSON_BYTES_MAX = 4 * 1024 * 1024;
export const PROVIDERS_MAX = 1024;
export const ATTACHMENTS_MAX = 1024;
export const ATTACHMENT_BYTES_MAX = 256 * 1024 * 1024;
export const NAME_BYTES_MAX = 1024;
