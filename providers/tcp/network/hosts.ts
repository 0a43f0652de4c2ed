/**
 * The hosts of the emulated network: their names, and how addresses are read and written. A host
 * comes into being when its name is first mentioned; its number is the last byte of its addresses,
 * 10.0.0.n and fd00::n. The first one, `local`, is where programs run unless they say otherwise.
 */
import {
  HOSTS_MAX,
  IPV4,
  IPV6,
  LOCAL_HOST,
  SCOPE_ANY,
  SCOPE_LOOPBACK,
  SCOPE_NETWORK,
  addressOf,
  familyOf,
  hostOf,
  scopeOf,
} from "./frame.ts";

/** Answers of {@link Hosts.resolve} that are no address. */
export const UNREACHABLE = -1;
export const NOT_FOUND = -2;
export const TOO_MANY_HOSTS = -3;

const LOCAL_NAME = "local";
const NAME = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;
const NUMERIC_IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;
/** A name that never exists: [RFC 6761], section 6.4. */
const NEVER = /(^|\.)invalid$/;
const NETWORK_IPV4 = /^10\.0\.0\.(\d{1,3})$/;
const NETWORK_IPV6 = /^fd00::([0-9a-f]{1,2})$/;

/** Whether a text may name a host. Names are compared without regard to case. */
export function isHostName(text: string): boolean {
  const name = text.toLowerCase();
  return NAME.test(name) && !NUMERIC_IPV4.test(name) && !NEVER.test(name) && name !== "localhost";
}

export class Hosts {
  /** Names by host number; number 0 is no host. */
  #names: string[] = ["", LOCAL_NAME];
  readonly #numbers = new Map([[LOCAL_NAME, LOCAL_HOST]]);

  /** How many hosts there are; they are numbered from 1. */
  get count(): number {
    return this.#names.length - 1;
  }

  /** The number of a host, which comes into being if need be. @returns 0 when there are too many */
  numberOf(text: string): number {
    const name = text.toLowerCase();
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.count === HOSTS_MAX) return 0;
    this.#numbers.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }

  /** The number of a host that is named or given by an address; 0 when there is none such. */
  find(text: string): number {
    const address = this.resolve(text, LOCAL_HOST);
    return address < 0 ? 0 : hostOf(address);
  }

  /**
   * What a name or a numeric address means.
   * @param from the host on which it is said: `localhost` is there
   * @returns an address, or {@link UNREACHABLE}, {@link NOT_FOUND}, {@link TOO_MANY_HOSTS}
   */
  resolve(text: string, from: number): number {
    const name = text.toLowerCase();
    if (name === "localhost" || /^127(\.\d{1,3}){3}$/.test(name)) {
      return addressOf(from, SCOPE_LOOPBACK, IPV4);
    }
    if (name === "::1") return addressOf(from, SCOPE_LOOPBACK, IPV6);
    if (name === "" || name === "0.0.0.0") return addressOf(from, SCOPE_ANY, IPV4);
    if (name === "::") return addressOf(from, SCOPE_ANY, IPV6);
    const number4 = NETWORK_IPV4.exec(name);
    if (number4 !== null) return this.#networkAddress(Number(number4[1]), IPV4);
    const number6 = NETWORK_IPV6.exec(name);
    if (number6 !== null) return this.#networkAddress(Number.parseInt(number6[1]!, 16), IPV6);
    if (NUMERIC_IPV4.test(name) || name.includes(":")) return UNREACHABLE;
    if (!isHostName(name)) return NOT_FOUND;
    const host = this.numberOf(name);
    return host === 0 ? TOO_MANY_HOSTS : addressOf(host, SCOPE_NETWORK, IPV4);
  }

  /** An address as a number: 127.0.0.1, ::1, 10.0.0.2, fd00::2, 0.0.0.0. */
  format(address: number): string {
    const six = familyOf(address) === IPV6;
    const host = hostOf(address);
    switch (scopeOf(address)) {
      case SCOPE_LOOPBACK:
        return six ? "::1" : "127.0.0.1";
      case SCOPE_NETWORK:
        return six ? `fd00::${host.toString(16)}` : `10.0.0.${host}`;
      default:
        return six ? "::" : "0.0.0.0";
    }
  }

  /** The name of a host. */
  nameOf(host: number): string {
    return this.#names[host] ?? `host ${host}`;
  }

  /** Names in the order of their numbers, from 1. */
  capture(): string[] {
    return this.#names.slice(1);
  }

  /** Whether these are names that {@link apply} can take. */
  static accepts(names: readonly unknown[]): names is string[] {
    const texts = names.filter((name) => typeof name === "string" && isHostName(name));
    const different = new Set(texts).size === names.length;
    return different && names[0] === LOCAL_NAME && names.length <= HOSTS_MAX;
  }

  apply(names: readonly string[]): void {
    this.#names = ["", ...names];
    this.#numbers.clear();
    for (const [i, name] of names.entries()) this.#numbers.set(name, i + 1);
  }

  #networkAddress(host: number, family: number): number {
    const known = host >= 1 && host <= this.count;
    return known ? addressOf(host, SCOPE_NETWORK, family) : UNREACHABLE;
  }
}
