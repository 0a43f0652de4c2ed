/**
 * The answer to a request, as bytes. It depends on nothing but the request and the site.
 *
 * References: [RFC 9110] HTTP Semantics.
 */
import type { Refusal, Request } from "./parser.ts";
import type { Site, SiteFile } from "./site.ts";

export interface Response {
  readonly status: number;
  readonly head: Uint8Array;
  /** Empty for none. */
  readonly body: Uint8Array;
  /** Whether the connection ends with this answer. */
  readonly close: boolean;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  206: "Partial Content",
  301: "Moved Permanently",
  304: "Not Modified",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  411: "Length Required",
  413: "Content Too Large",
  414: "URI Too Long",
  416: "Range Not Satisfiable",
  431: "Request Header Fields Too Large",
  505: "HTTP Version Not Supported",
};

const NO_BYTES = new Uint8Array(0);
const MS_PER_SECOND = 1000;

/** Heads of whole files, which are asked for again and again. */
const wholeHeads = new WeakMap<SiteFile, Map<string, Uint8Array>>();

/** Answers a request. */
export function respond(site: Site, request: Request): Response {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    return message(request, 405, `${method} is not done here`, { Allow: "GET, HEAD" });
  }
  const path = pathOf(request.target);
  if (path === undefined) return message(request, 400, "the path is malformed");
  const file = site.files.get(path);
  if (file === undefined) {
    if (!site.folders.has(path)) return message(request, 404, "there is no such file");
    // The name ends here, so that the links of the folder's page lead into the folder.
    const name = encodeURIComponent(path.slice(path.lastIndexOf("/") + 1));
    return message(request, 301, "a folder's name ends in a slash", { Location: `./${name}/` });
  }
  if (isUnchanged(request, file)) return answer(request, 304, validators(file), NO_BYTES);
  const range = wantedRange(request, file);
  if (range === undefined) return wholeFile(request, file);
  const { length } = file.bytes;
  if (range === "unsatisfiable") {
    const fields = { "Content-Range": `bytes */${length}` };
    return message(request, 416, "the file is shorter", fields);
  }
  const fields = {
    ...contentFields(file, range.end - range.start),
    "Content-Range": `bytes ${range.start}-${range.end - 1}/${length}`,
  };
  return answer(request, 206, fields, file.bytes.subarray(range.start, range.end));
}

/** Answers what could not be read as a request; the connection ends. */
export function refuse({ status, why }: Refusal): Response {
  return message({ method: "GET", minor: 1, keepAlive: false }, status, why);
}

/** The decoded path of a target, or undefined for what is none or tries to climb. */
function pathOf(target: string): string | undefined {
  let path = target.split(/[?#]/, 1)[0]!;
  // A whole URL is allowed, and its host is this one: [RFC 9112] §3.2.2.
  const whole = /^https?:\/\/[^/?#]*/i.exec(path);
  if (whole !== null) path = path.slice(whole[0].length) || "/";
  if (!path.startsWith("/")) return undefined;
  let decoded: string;
  try {
    decoded = path.includes("%") ? decodeURIComponent(path) : path;
  } catch {
    return undefined;
  }
  if (decoded.includes("\0") || decoded.split("/").includes("..")) return undefined;
  return decoded;
}

type Asker = Pick<Request, "method" | "minor" | "keepAlive">;

function wholeFile(request: Request, file: SiteFile): Response {
  const { keepAlive, method, minor } = request;
  const variant = connectionField(request);
  let heads = wholeHeads.get(file);
  if (heads === undefined) wholeHeads.set(file, (heads = new Map()));
  let head = heads.get(variant);
  if (head === undefined) {
    head = headOf({ method, minor, keepAlive }, 200, contentFields(file, file.bytes.length));
    heads.set(variant, head);
  }
  return { status: 200, head, body: method === "HEAD" ? NO_BYTES : file.bytes, close: !keepAlive };
}

/** An answer that is a line of text. */
function message(
  asker: Asker,
  status: number,
  why: string,
  fields: Readonly<Record<string, string>> = {},
): Response {
  const body = Buffer.from(`${status} ${REASONS[status]}: ${why}\n`);
  const content = {
    "Content-Length": String(body.length),
    "Content-Type": "text/plain; charset=utf-8",
  };
  return answer(asker, status, { ...content, ...fields }, body);
}

function answer(
  asker: Asker,
  status: number,
  fields: Readonly<Record<string, string>>,
  body: Uint8Array,
): Response {
  const head = headOf(asker, status, fields);
  const shown = asker.method === "HEAD" ? NO_BYTES : body;
  return { status, head, body: shown, close: !asker.keepAlive };
}

/**
 * No Date is sent: the time of day is no part of a session, and [RFC 9110] §6.6.1 wants none from
 * who has no clock.
 */
function headOf(
  asker: Asker,
  status: number,
  fields: Readonly<Record<string, string>>,
): Uint8Array {
  const lines = [`HTTP/1.1 ${status} ${REASONS[status]}`];
  for (const [name, value] of Object.entries(fields)) lines.push(`${name}: ${value}`);
  const connection = connectionField(asker);
  if (connection !== "") lines.push(`Connection: ${connection}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

function connectionField({ keepAlive, minor }: Asker): "" | "close" | "keep-alive" {
  if (!keepAlive) return "close";
  return minor === 0 ? "keep-alive" : "";
}

function contentFields(file: SiteFile, length: number): Record<string, string> {
  return {
    "Content-Length": String(length),
    "Content-Type": file.type,
    "Accept-Ranges": "bytes",
    ...validators(file),
  };
}

function validators({ etag, modifiedS }: SiteFile): Record<string, string> {
  if (modifiedS === undefined) return { ETag: etag };
  return { ETag: etag, "Last-Modified": new Date(modifiedS * MS_PER_SECOND).toUTCString() };
}

/** Whether the peer has the file as it is: [RFC 9110] §13.2.2. */
function isUnchanged({ headers }: Request, { etag, modifiedS }: SiteFile): boolean {
  const none = headers.get("if-none-match");
  if (none !== undefined) {
    const tags = none.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
    return none.trim() === "*" || tags.includes(etag);
  }
  const since = Date.parse(headers.get("if-modified-since") ?? "");
  return modifiedS !== undefined && since / MS_PER_SECOND >= modifiedS;
}

interface Range {
  readonly start: number;
  /** The byte behind the last one. */
  readonly end: number;
}

/** The one range that is asked for; undefined where all of the file is to be sent. */
function wantedRange(
  { headers, method }: Request,
  { bytes, etag }: SiteFile,
): Range | "unsatisfiable" | undefined {
  const range = headers.get("range");
  if (range === undefined || method !== "GET") return undefined;
  // With a date, or an old tag, the parts would not fit together: [RFC 9110] §13.1.5.
  if ((headers.get("if-range") ?? etag) !== etag) return undefined;
  // Several ranges may be ignored, and so may what is malformed: [RFC 9110] §14.2.
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(range);
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const { length } = bytes;
  if (match[1] === "") {
    const count = Math.min(Number(match[2]), length);
    return count === 0 ? "unsatisfiable" : { start: length - count, end: length };
  }
  const start = Number(match[1]);
  const last = match[2] === "" ? length - 1 : Number(match[2]);
  if (last < start && match[2] !== "") return undefined;
  return start >= length ? "unsatisfiable" : { start, end: Math.min(last + 1, length) };
}
