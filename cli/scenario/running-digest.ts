/** The size and the SHA-256 of bytes that come one piece after the other. */

/** What is known of bytes without having them. */
export interface BytesSummary {
  readonly sizeBytes: number;
  /** SHA-256 in hex. */
  readonly checksum: string;
}

export class RunningDigest {
  readonly #hasher = new Bun.CryptoHasher("sha256");
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** Of everything so far; more can be added afterwards. */
  summary(): BytesSummary {
    return { sizeBytes: this.#sizeBytes, checksum: this.#hasher.copy().digest("hex") };
  }
}

export function summaryOf(bytes: Uint8Array): BytesSummary {
  const checksum = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  return { sizeBytes: bytes.length, checksum };
}
