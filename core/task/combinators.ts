/**
 * Futures made of futures. A child that has given its result is never polled again; a future that
 * is over lets go of the children that are not.
 */
import {
  type Context,
  type Future,
  type Output,
  PENDING,
  type Poll,
  polledAfterReady,
} from "./future.ts";

/** The result of a future, changed by a function. Pending exactly when the inner future is. */
export class MapFuture<T, U> implements Future<U> {
  #inner: Future<T> | undefined;
  readonly #transform: (value: T) => U;

  constructor(inner: Future<T>, transform: (value: T) => U) {
    this.#inner = inner;
    this.#transform = transform;
  }

  poll(cx: Context): Poll<U> {
    const inner = this.#inner;
    if (inner === undefined) throw polledAfterReady("a mapped future");
    this.#inner = undefined;
    const poll = inner.poll(cx);
    if (poll !== PENDING) return this.#transform(poll);
    this.#inner = inner;
    return PENDING;
  }

  drop(): void {
    const inner = this.#inner;
    this.#inner = undefined;
    inner?.drop?.();
  }
}

type Outputs<Futures extends readonly Future<unknown>[]> = {
  -readonly [Index in keyof Futures]: Output<Futures[Index]>;
};

/**
 * The results of all futures, in order. Each poll asks those that are not done, from left to right.
 * One that throws ends the whole: the others are dropped.
 */
export class JoinFuture<const Futures extends readonly Future<unknown>[]> implements Future<
  Outputs<Futures>
> {
  readonly #children: (Future<unknown> | undefined)[];
  readonly #results: unknown[];
  #unfinished: number;
  #over = false;

  constructor(futures: Futures) {
    this.#children = [...futures];
    this.#results = futures.map(() => undefined);
    this.#unfinished = futures.length;
  }

  poll(cx: Context): Poll<Outputs<Futures>> {
    if (this.#over) throw polledAfterReady("a joined future");
    try {
      for (let i = 0; i < this.#children.length; i++) this.#pollChild(i, cx);
    } catch (error) {
      this.drop();
      throw error;
    }
    if (this.#unfinished > 0) return PENDING;
    this.#over = true;
    return this.#results as Outputs<Futures>;
  }

  drop(): void {
    this.#over = true;
    dropAll(this.#children);
  }

  #pollChild(index: number, cx: Context): void {
    const child = this.#children[index];
    if (child === undefined) return;
    // Taken out first: a child that throws is over and must not be dropped.
    this.#children[index] = undefined;
    const poll = child.poll(cx);
    if (poll === PENDING) {
      this.#children[index] = child;
      return;
    }
    this.#results[index] = poll;
    this.#unfinished--;
  }
}

/** What a {@link SelectFuture} results in. */
export interface Selected<T> {
  /** Which future was ready first. */
  readonly index: number;
  readonly value: T;
}

/**
 * The result of whichever future is ready first, the leftmost of several. The others are dropped at
 * once. It does not poll those to the right of a ready one.
 */
export class SelectFuture<T> implements Future<Selected<T>> {
  readonly #children: (Future<T> | undefined)[];
  #over = false;

  /** @throws {RangeError} when there is no future: none could ever be ready */
  constructor(futures: readonly Future<T>[]) {
    if (futures.length === 0) {
      throw new RangeError("Cannot select: at least one future must take part: found none");
    }
    this.#children = [...futures];
  }

  poll(cx: Context): Poll<Selected<T>> {
    if (this.#over) throw polledAfterReady("a select");
    for (let index = 0; index < this.#children.length; index++) {
      const child = this.#children[index];
      if (child === undefined) continue;
      let value: Poll<T>;
      try {
        value = child.poll(cx);
      } catch (error) {
        this.#children[index] = undefined;
        this.drop();
        throw error;
      }
      if (value === PENDING) continue;
      this.#children[index] = undefined;
      this.drop();
      return { index, value };
    }
    return PENDING;
  }

  drop(): void {
    this.#over = true;
    dropAll(this.#children);
  }
}

function dropAll(children: (Future<unknown> | undefined)[]): void {
  for (let i = 0; i < children.length; i++) {
    const child = children[i];
    children[i] = undefined;
    child?.drop?.();
  }
}
