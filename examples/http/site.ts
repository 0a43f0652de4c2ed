/**
 * What the server serves: the files of a folder, read once, before the run begins. There is no file
 * provider yet, so reading them in the run would not be part of its recording. Instead the
 * recording keeps them as attachments, and a replay has its files from there, not from the disk.
 *
 * Since a path is looked up among the names that were found, no request can leave the folder.
 */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { ReelError, type Recording } from "ioreel";

const FILES_MAX = 10_000;
/** All files together: they are held in memory. */
const SITE_BYTES_MAX = 256 << 20;

const ATTACHMENT_PREFIX = "file:";
const ETAG_DIGITS = 16;

export interface SiteFile {
  readonly bytes: Uint8Array;
  /** The Content-Type. */
  readonly type: string;
  /** With its quotes. */
  readonly etag: string;
  /** Whole seconds since 1970; undefined for what was made here, such as a list of files. */
  readonly modifiedS: number | undefined;
}

/** Files by decoded path: "/", "/index.html", "/a/b.txt". */
export interface Site {
  readonly files: ReadonlyMap<string, SiteFile>;
  /** Folders without their final slash: "/a". */
  readonly folders: ReadonlySet<string>;
}

/** What has to be recorded of a site beside its content. */
export interface SiteTimes {
  readonly [path: string]: number;
}

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  gif: "image/gif",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  md: "text/markdown; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  ts: "text/plain; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webp: "image/webp",
  xml: "application/xml",
  yaml: "text/plain; charset=utf-8",
};

/** The Content-Type of a path. */
export function typeOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  const extension = dot === -1 ? "" : name.slice(dot + 1).toLowerCase();
  return Object.hasOwn(TYPES, extension) ? TYPES[extension]! : "application/octet-stream";
}

/**
 * Reads a folder and everything below. Names that begin with a dot are left out, and so are links
 * that lead out of the folder.
 * @throws {ReelError} ERR_LIMIT for more than 10,000 files or 256 MiB
 * @throws {Error} the file system's, such as ENOENT
 */
export function readSite(root: string): Site {
  const top = realpathSync(root);
  const files = new Map<string, SiteFile>();
  const seen = new Set<string>();
  let sizeBytes = 0;
  const visit = (folder: string, path: string): void => {
    // A link to a folder above would lead round and round.
    if (seen.has(folder)) return;
    seen.add(folder);
    for (const name of readdirSync(folder).toSorted()) {
      if (name.startsWith(".")) continue;
      const file = resolveInside(top, join(folder, name));
      if (file === undefined) continue;
      const stat = statSync(file);
      if (stat.isDirectory()) visit(file, `${path}${name}/`);
      if (!stat.isFile()) continue;
      sizeBytes += stat.size;
      if (files.size >= FILES_MAX || sizeBytes > SITE_BYTES_MAX) throw tooLarge(root);
      const modifiedS = Math.floor(stat.mtimeMs / 1000);
      files.set(path + name, siteFile(path + name, readFileSync(file), modifiedS));
    }
  };
  visit(top, "/");
  return complete(files);
}

/** Where a name leads, unless that is outside or nowhere. */
function resolveInside(top: string, path: string): string | undefined {
  try {
    const real = realpathSync(path);
    return real.startsWith(top.endsWith(sep) ? top : top + sep) ? real : undefined;
  } catch {
    return undefined;
  }
}

function tooLarge(root: string): ReelError {
  const limits = `${FILES_MAX} files and ${SITE_BYTES_MAX >> 20} MiB`;
  return new ReelError("ERR_LIMIT", `Cannot serve ${root}: wanted at most ${limits}`, {
    mend: "Serve a smaller folder",
  });
}

function siteFile(path: string, bytes: Uint8Array, modifiedS: number | undefined): SiteFile {
  const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  return { bytes, type: typeOf(path), etag: `"${digest.slice(0, ETAG_DIGITS)}"`, modifiedS };
}

/** What a recording keeps of a site. */
export function attachmentsOf(site: Site): {
  attachments: ReadonlyMap<string, Uint8Array>;
  times: SiteTimes;
} {
  const read = [...site.files].filter(([, file]) => file.modifiedS !== undefined);
  return {
    attachments: new Map(read.map(([path, { bytes }]) => [ATTACHMENT_PREFIX + path, bytes])),
    times: Object.fromEntries(read.map(([path, { modifiedS }]) => [path, modifiedS!])),
  };
}

/** The site that a recording was made of. */
export function recordedSite(recording: Recording, times: SiteTimes): Site {
  const files = new Map<string, SiteFile>();
  for (const [path, modifiedS] of Object.entries(times)) {
    const bytes = recording.attachment(ATTACHMENT_PREFIX + path);
    if (bytes !== undefined) files.set(path, siteFile(path, bytes, modifiedS));
  }
  return complete(files);
}

/** Gives every folder a page: its index.html, or else a list of what is in it. */
function complete(files: Map<string, SiteFile>): Site {
  const contents = new Map<string, Set<string>>([["/", new Set()]]);
  for (const path of files.keys()) {
    for (let end = path.length; end > 0;) {
      const slash = path.lastIndexOf("/", end - 1);
      const folder = path.slice(0, slash + 1);
      const entries = contents.get(folder) ?? new Set();
      entries.add(path.slice(slash + 1, end === path.length ? end : end + 1));
      contents.set(folder, entries);
      end = slash;
    }
  }
  for (const [folder, entries] of contents) {
    const index = files.get(`${folder}index.html`);
    files.set(folder, index ?? siteFile("list.html", listPage(folder, entries), undefined));
  }
  const folders = [...contents.keys()].map((folder) => folder.slice(0, -1));
  return { files, folders: new Set(folders.filter((folder) => folder !== "")) };
}

function listPage(folder: string, entries: ReadonlySet<string>): Uint8Array {
  const title = Bun.escapeHTML(`Files in ${folder}`);
  const items = [...entries].toSorted().map((name) => {
    const target = name.split("/").map(encodeURIComponent).join("/");
    return `<li><a href="./${target}">${Bun.escapeHTML(name)}</a></li>`;
  });
  const head = `<!doctype html>\n<meta charset="utf-8">\n<title>${title}</title>`;
  return Buffer.from(`${head}\n<h1>${title}</h1>\n<ul>\n${items.join("\n")}\n</ul>\n`);
}
