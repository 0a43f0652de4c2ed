/** What tells Bun's event loop that the ring has completions, while nobody looks at it. */
export interface Announcer {
  /** By what it does so. */
  readonly mode: "eventfd" | "thread";
  /** Turns announcements on, or off while somebody looks at the queue anyway. */
  announce(on: boolean): void;
  /** Whether it keeps the process alive. */
  readonly listening: boolean;
  /** Has the next announcement reported. */
  listen(): void;
  /** Lets go of the event loop: nothing is reported until {@link listen} is called again. */
  letGo(): void;
  /** Ends announcements. The ring must still be open. */
  close(): void;
}
