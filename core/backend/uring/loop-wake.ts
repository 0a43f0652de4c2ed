/**
 * Wakes somebody on Bun's event loop when the ring has something for them.
 *
 * A short spin over the loop's turns comes first, because what was just asked for is often done by
 * the next turn; how long it lasts follows from how often that was so. Then the eventfd is turned
 * on, the ring is looked at once more (a completion between the last look and the turning on would
 * not be announced), and the loop sleeps.
 *
 * With deferred task runs the kernel announces a completion before it is in the queue: it gets
 * there in our next system call, so every look enters the kernel.
 */
import { hostAfter, hostSoon } from "../../clock.ts";
import type { Announcer } from "./announcer.ts";
import type { SelfTest } from "./self-test.ts";

/** What a wake-up asks of the backend. */
export interface WakeSource {
  /**
   * Makes what announces completions while the event loop sleeps.
   * @param signalled called when there may be some; maybe once too often
   * @param failed called when it cannot announce any more
   * @throws {ReelError} when it cannot be made
   */
  announcer(signalled: () => void, failed: () => void): Announcer;
  /** Hands over what is prepared and looks. @returns whether a poll would deliver something */
  look(): boolean;
  /** Whether anything can still arrive. */
  pending(): boolean;
  /** Prepares the kernel's timeout for the armed deadline. */
  syncTimer(): void;
}

/** How completions are noticed: not yet tested, announced, or by looking again and again. */
export type WakeMode = "untested" | Announcer["mode"] | "polling";

const FIRST_SPINS = 4;
/** Without an eventfd: how often an idle ring is looked at. */
const POLLING_DELAY_MS = 1;

export class LoopWake {
  readonly #source: WakeSource;
  readonly #selfTest: SelfTest;
  readonly #spinLimit: number;
  readonly #selfTestMs: number;
  /** Simulates a host whose event loop does not see the eventfd. */
  readonly #deaf: boolean;
  #mode: WakeMode = "untested";
  #wake: (() => void) | undefined;
  #announcer: Announcer | undefined;
  #test: Promise<WakeMode> | undefined;
  #endTest: ((heard: boolean) => void) | undefined;
  #scheduled = false;
  #asleep = false;
  #releasing = false;
  #closed = false;
  #spins: number;
  #spinsLeft = 0;

  constructor(
    source: WakeSource,
    selfTest: SelfTest,
    options: { spinLimit: number; selfTestMs: number; deaf: boolean },
  ) {
    this.#source = source;
    this.#selfTest = selfTest;
    this.#spinLimit = options.spinLimit;
    this.#spins = Math.min(FIRST_SPINS, options.spinLimit);
    this.#selfTestMs = options.selfTestMs;
    this.#deaf = options.deaf;
  }

  get mode(): WakeMode {
    return this.#mode;
  }

  /** Calls back once, on a later turn of the event loop. */
  arm(wake: () => void): void {
    this.#wake = wake;
    this.#begin();
  }

  /** Withdraws the call. */
  disarm(): void {
    this.#wake = undefined;
    if (this.#asleep) this.#rouse();
    this.#releaseSoon();
  }

  /** Called when requests were handed over or the deadline changed, by whomever. */
  reconsider(): void {
    if (this.#wake === undefined) return;
    if (!this.#asleep) return this.#begin();
    if (this.#source.pending()) return this.#stayAsleep();
    this.#rouse();
    this.#releaseSoon();
  }

  /** Finds out, once, whether the event loop notices the eventfd. */
  test(): Promise<WakeMode> {
    return (this.#test ??= this.#runTest());
  }

  close(): void {
    this.#closed = true;
    this.#wake = undefined;
    this.#asleep = false;
    this.#endTest?.(false);
    this.#announcer?.close();
    this.#announcer = undefined;
  }

  #begin(): void {
    if (this.#scheduled || this.#asleep) return;
    const found = this.#look();
    // Nothing can come, so nothing is waited for; a later flush begins again.
    if (!found && !this.#source.pending()) return this.#releaseSoon();
    this.#spinsLeft = this.#spins;
    if (found || this.#spins > 0) this.#schedule();
    else this.#sleep();
  }

  #schedule(): void {
    this.#scheduled = true;
    hostSoon(this.#tick);
  }

  readonly #tick = (): void => {
    this.#scheduled = false;
    if (this.#wake === undefined) return this.#releaseSoon();
    if (this.#look()) {
      if (this.#spinsLeft < this.#spins) {
        this.#spins = Math.min(this.#spins * 2, this.#spinLimit);
      }
      return this.#fire();
    }
    if (!this.#source.pending()) return this.#releaseSoon();
    if (this.#spinsLeft-- > 0) return this.#schedule();
    this.#spins = Math.max(this.#spins >> 1, Math.min(1, this.#spinLimit));
    this.#sleep();
  };

  #sleep(): void {
    if (this.#mode === "untested" || this.#mode === "polling") return this.#wait();
    this.#announcer!.listen();
    this.#announcer!.announce(true);
    this.#asleep = true;
    this.#stayAsleep();
  }

  #stayAsleep(): void {
    this.#source.syncTimer();
    if (!this.#look()) return;
    this.#rouse();
    this.#schedule();
  }

  /** Looks. A ring that cannot be entered is reported by the poll that follows the wake-up. */
  #look(): boolean {
    try {
      return this.#source.look();
    } catch {
      return true;
    }
  }

  /** Looks again after a while, where there is no eventfd, or not yet. */
  #wait(): void {
    if (this.#mode === "untested") {
      void this.test();
      return this.#schedule();
    }
    this.#scheduled = true;
    hostAfter(POLLING_DELAY_MS, this.#tick);
  }

  #rouse(): void {
    this.#asleep = false;
    this.#announcer?.announce(false);
  }

  readonly #signalled = (): void => {
    if (this.#endTest !== undefined) return this.#heard(this.#endTest);
    if (!this.#asleep) return;
    this.#rouse();
    if (this.#look()) this.#fire();
    else if (this.#source.pending()) this.#sleep();
    else this.#releaseSoon();
  };

  /** The test's own completion is what counts: a thread announces also that it was called. */
  #heard(endTest: (heard: boolean) => void): void {
    if (this.#look() || this.#selfTest.arrived) endTest(true);
    else this.#announcer!.listen();
  }

  readonly #failed = (): void => {
    if (this.#endTest !== undefined) return this.#endTest(false);
    this.#mode = "polling";
    if (!this.#asleep) return;
    this.#rouse();
    this.#schedule();
  };

  #fire(): void {
    const wake = this.#wake!;
    this.#wake = undefined;
    this.#releaseSoon();
    wake();
  }

  /** Lets go of the event loop unless somebody arms the wake-up again before its next turn. */
  #releaseSoon(): void {
    if (this.#releasing || this.#announcer?.listening !== true) return;
    this.#releasing = true;
    hostSoon(() => {
      this.#releasing = false;
      const awaited = this.#wake !== undefined && (this.#asleep || this.#scheduled);
      if (!awaited && this.#endTest === undefined) this.#announcer?.letGo();
    });
  }

  async #runTest(): Promise<WakeMode> {
    let heard = false;
    try {
      this.#announcer = this.#source.announcer(this.#signalled, this.#failed);
      heard = await this.#listenOnce(this.#announcer);
    } catch {
      // No eventfd, or none that the ring takes: the same as one that nobody hears.
    }
    if (this.#closed) return this.#mode;
    if (!heard) {
      this.#announcer?.close();
      this.#announcer = undefined;
    }
    this.#mode = this.#announcer?.mode ?? "polling";
    this.#releaseSoon();
    return this.#mode;
  }

  /** Whether an announcement reaches us in time, and its completion with it. */
  #listenOnce(announcer: Announcer): Promise<boolean> {
    return new Promise((resolve) => {
      const giveUp = hostAfter(this.#selfTestMs, () => this.#endTest?.(false));
      this.#endTest = (heard) => {
        this.#endTest = undefined;
        giveUp();
        if (!this.#closed) announcer.announce(false);
        resolve(heard && !this.#closed);
      };
      announcer.listen();
      if (!this.#deaf) announcer.announce(true);
      this.#selfTest.send();
    });
  }
}
