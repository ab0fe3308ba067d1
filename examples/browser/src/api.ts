/** What the page and its worker say to each other: plain data, nothing of a message's bytes that was not asked for. */

/** A message in the list. */
export interface Summary {
  readonly id: number;
  /** The file, the place in an mbox, or the mailbox that it came from. */
  readonly origin: string;
  readonly subject: string;
  readonly from: string;
  /** Milliseconds since 1970. */
  readonly date: number | null;
  readonly preview: string;
  readonly size: number;
  readonly attachments: number;
}

export interface Person {
  readonly name: string | null;
  readonly address: string | null;
  /** The members, where this is a group. */
  readonly members?: readonly Person[];
}

/** A part of a message, in document order; `parent` is an index in the same list. */
export interface PartInfo {
  readonly parent: number | null;
  readonly contentType: string;
  readonly charset: string | null;
  readonly disposition: string | null;
  readonly filename: string | null;
  readonly safeFilename: string;
  readonly contentId: string | null;
  readonly size: number;
  readonly container: boolean;
  readonly role: 'attachment' | 'inline' | null;
  /** Where its bytes lie in the source; null inside a transfer-encoded message. */
  readonly range: readonly [number, number] | null;
}

export interface DefectInfo {
  readonly code: string;
  readonly severity: string;
  readonly part: number | null;
  readonly range: readonly [number, number] | null;
}

/** A text that may be cut at a size that a page shows at once. */
export interface Cut {
  readonly text: string;
  /** The length of the whole text in UTF-16 units. */
  readonly length: number;
}

/** A message that is open. */
export interface Detail {
  readonly id: number;
  readonly subject: string | null;
  readonly from: readonly Person[];
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  readonly replyTo: readonly Person[];
  readonly date: number | null;
  readonly size: number;
  readonly text: Cut | null;
  readonly html: Cut | null;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly parts: readonly PartInfo[];
  readonly defects: readonly DefectInfo[];
  /** How many rows the source has: lines, the very long ones in pieces. */
  readonly rows: number;
}

/** A row of the source. */
export interface SourceRow {
  readonly offset: number;
  readonly text: string;
  /** The number of its line, from 1; null where the row goes on with a line. */
  readonly line: number | null;
}

/** Something that the user should read. */
export interface Problem {
  readonly title: string;
  readonly detail: string;
}

/** A file and the path under which it was dropped. */
export interface Incoming {
  readonly file: File;
  readonly path: string;
}

/** Where mail is fetched from. */
export interface Mailbox {
  readonly bridge: string;
  readonly user: string;
  readonly password: string;
  readonly auth: 'auto' | 'apop';
  /** Send the password itself, although the way to the server is not known to be protected. */
  readonly allowCleartext: boolean;
}

export interface FetchProgress {
  readonly phase: 'connecting' | 'fetching';
  readonly messages: number;
  readonly totalMessages: number;
  readonly octets: number;
  readonly totalOctets: number;
}

/** How the worker tells the page what it has found. */
export interface Listener {
  added(summaries: readonly Summary[]): void;
  problem(problem: Problem): void;
}

/** What the worker does for the page. */
export interface Engine {
  /** Reads files; returns how many messages they held. */
  add(files: readonly Incoming[], listener: Listener): Promise<number>;
  open(id: number): Promise<Detail>;
  /** A piece of the text, in UTF-16 units. */
  text(id: number, start: number, end: number): Promise<string>;
  /** The whole of the HTML where it was cut. */
  html(id: number): Promise<string>;
  /** The decoded content of a part. */
  content(id: number, part: number): Promise<Uint8Array<ArrayBuffer>>;
  /** The content of an image as a `data:` address, null where the part is no image or too large for that. */
  imageUrl(id: number, part: number): Promise<string | null>;
  rows(id: number, start: number, end: number): Promise<readonly SourceRow[]>;
  /** The rows that hold a range of bytes: the first one, and the one after the last. */
  rowsOf(id: number, range: readonly [number, number]): Promise<readonly [number, number]>;
  /** Fetches every message of a mailbox; returns how many there were, null when it was cancelled. */
  fetchMail(mailbox: Mailbox, listener: Listener, progress: (progress: FetchProgress) => void): Promise<number | null>;
  cancelFetch(): void;
  clear(): void;
}
