/**
 * Composing: `compose` and `composeSync`.
 *
 * What a value may hold and what is made of it is decided by the engine. This file turns what
 * JavaScript programs have at hand into calls of its setters.
 */

import { type Composer, tools } from './engine-tools.js';
import { argument, calling, shown } from './error.js';
import { type Address, type AddressGroup, Message, Part, type ZonedDate } from './message.js';

/**
 * A recipient: a list as people write it (`'Ann <ann@example.com>, bob@example.com'`), a name and an
 * address taken literally, or a named group.
 */
export type Recipient =
  | string
  | { readonly name?: string | null; readonly address: string }
  | { readonly name: string | null; readonly addresses: readonly Recipient[] }
  | Address
  | AddressGroup;

/** What can be attached without waiting: octets, text, a message, or a part of one. */
export type AttachmentContentNow = Uint8Array | ArrayBuffer | string | Message | Part;

/** What can be attached: also what has to be read first. */
export type AttachmentContent =
  | AttachmentContentNow
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array>;

/** What goes with the text. */
export interface Attachment<C = AttachmentContent> {
  /** Its content; of a `Part` the name and the type are taken over. */
  readonly content?: C | undefined;
  /** In place of a content the file that holds it, where there are files; its name is taken over. */
  readonly path?: string | URL | undefined;
  /** The name that receivers see. */
  readonly filename?: string | undefined;
  /**
   * The media type, with parameters where wanted: `'text/csv; charset=utf-8'`. Without it the type of
   * the name's extension, else `application/octet-stream`.
   */
  readonly contentType?: string | undefined;
  /**
   * The name by which the HTML shows it: `<img src="cid:logo">`. A part that the HTML refers to is
   * put beside the HTML (`multipart/related`).
   */
  readonly cid?: string | undefined;
  /** Shown with the text instead of listed as a file. */
  readonly inline?: boolean | undefined;
}

/** What `compose` takes. */
export interface ComposeOptions<C = AttachmentContent> {
  /** The author; of several one must be the `sender`. */
  readonly from: Recipient | readonly Recipient[];
  readonly sender?: Recipient | undefined;
  readonly replyTo?: Recipient | readonly Recipient[] | undefined;
  readonly to?: Recipient | readonly Recipient[] | undefined;
  readonly cc?: Recipient | readonly Recipient[] | undefined;
  /** Left out of the message unless `keepBcc`: it is the transport that must know. */
  readonly bcc?: Recipient | readonly Recipient[] | undefined;
  readonly subject?: string | undefined;
  readonly text?: string | undefined;
  readonly html?: string | undefined;
  /** What the HTML shows, by its `cid`. */
  readonly inline?: Readonly<Record<string, C | Attachment<C>>> | undefined;
  readonly attachments?: readonly (C | Attachment<C>)[] | undefined;
  /** Further fields. Fields that have an option of their own are refused here. */
  readonly headers?: Readonly<Record<string, string>> | Iterable<readonly [string, string]> | undefined;
  /** When it was written; now, in UTC, if left out. */
  readonly date?: Date | ZonedDate | undefined;
  /** Made of randomness and the author's domain if left out, never of this machine's name. */
  readonly messageId?: string | undefined;
  readonly inReplyTo?: string | readonly string[] | undefined;
  readonly references?: string | readonly string[] | undefined;
  /**
   * Which octets the message may hold. `'auto'` is ASCII, except that an attached message stays as it
   * is; `'7bit'` refuses such a one; `'8bit'` leaves text in UTF-8; `'utf8'` header fields too
   * (SMTPUTF8), which addresses beyond ASCII need.
   */
  readonly output?: 'auto' | '7bit' | '8bit' | 'utf8' | undefined;
  readonly keepBcc?: boolean | undefined;
}

/** An attachment whose content is there. */
interface Ready {
  content: Uint8Array;
  isText: boolean;
  filename: string | undefined;
  contentType: string | undefined;
  cid: string | undefined;
  inline: boolean;
}

/**
 * Writes a message, ready to be sent: header fields, blank line, body, with CRLF line ends.
 *
 * The structure is made from what is given: text and HTML become `multipart/alternative`, HTML and
 * what it shows by `cid:` become `multipart/related` inside it, attachments wrap all in
 * `multipart/mixed`. Text beyond ASCII is encoded wherever it stands (RFC 2047, RFC 2231). An
 * attached message is never put into base64 (RFC 2046 section 5.2.1).
 *
 * @throws `Pop3Error` with the code `POP3_ERR_USAGE_ARGUMENT` for a value that could begin another
 * header field (line breaks, NUL, U+0085, U+2028 and other control characters) or that its field
 * cannot hold, and without an author. What a stream or file throws is thrown as it is.
 */
export async function compose(options: ComposeOptions): Promise<Uint8Array> {
  const ready: Ready[] = [];
  for (const attachment of listed(options)) {
    ready.push(isReady(attachment) ? readNow(attachment) : await read(attachment));
  }
  return write(options, ready);
}

/** `compose` for what is in memory, and for files where there are any. */
export function composeSync(options: ComposeOptions<AttachmentContentNow>): Uint8Array {
  return write(options, listed(options).map(readNow));
}

/** Every attachment, the inline ones by their `cid` first. */
function listed<C>(options: ComposeOptions<C>): Attachment<C>[] {
  const inline = Object.entries(options.inline ?? {}).map(([cid, one]) => ({
    ...described<C>(one),
    cid,
    inline: true,
  }));
  return [...inline, ...(options.attachments ?? []).map((one) => described<C>(one))];
}

function described<C>(one: C | Attachment<C>): Attachment<C> {
  const isPlain =
    typeof one === 'object' && one !== null && [Object.prototype, null].includes(Object.getPrototypeOf(one) as object);
  return isPlain ? (one as Attachment<C>) : { content: one as C };
}

function isReady(attachment: Attachment): attachment is Attachment<AttachmentContentNow> {
  const { content, path } = attachment;
  return path === undefined && octetsOf(content) !== undefined;
}

/** The octets of what is in memory. */
function octetsOf(content: unknown): Uint8Array | undefined {
  if (typeof content === 'string') {
    return new TextEncoder().encode(wellFormed('attachments', content));
  }
  if (content instanceof Message) {
    return content.raw;
  }
  if (content instanceof Part) {
    return content.content;
  }
  if (content instanceof Uint8Array) {
    return content;
  }
  if (ArrayBuffer.isView(content)) {
    return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
  }
  const kind = Object.prototype.toString.call(content);
  return kind === '[object ArrayBuffer]' ? new Uint8Array(content as ArrayBuffer) : undefined;
}

function readNow(attachment: Attachment<AttachmentContentNow>): Ready {
  const { content, path } = attachment;
  if (path !== undefined) {
    const { readFileSync } = tools();
    if (readFileSync === undefined) {
      throw argument('path: there are no files here; give the content');
    }
    return readied(attachment, readFileSync(path));
  }
  const octets = octetsOf(content);
  if (octets === undefined) {
    throw argument(`attachments: expected octets, text, a message or a part, got ${kindOf(content)}`);
  }
  return readied(attachment, octets);
}

async function read(attachment: Attachment): Promise<Ready> {
  const { content, path } = attachment;
  if (path !== undefined) {
    const { readFile } = tools();
    if (readFile === undefined) {
      throw argument('path: there are no files here; give the content');
    }
    return readied(attachment, await readFile(path));
  }
  if (typeof Blob !== 'undefined' && content instanceof Blob) {
    return readied(attachment, new Uint8Array(await content.arrayBuffer()));
  }
  return readied(attachment, await collected(content));
}

/** The octets of a stream, of either kind, to its end. */
async function collected(content: unknown): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const add = (piece: unknown): void => {
    const octets = octetsOf(piece);
    if (octets === undefined) {
      throw argument(`attachments: expected a stream of octets, got ${kindOf(piece)} in it`);
    }
    pieces.push(octets);
  };
  const source = content as Partial<AsyncIterable<unknown> & Iterable<unknown> & ReadableStream<unknown>> | null;
  if (typeof source === 'object' && source !== null && typeof source.getReader === 'function') {
    const reader = source.getReader() as ReadableStreamDefaultReader<unknown>;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      add(next.value);
    }
  } else if (
    typeof source === 'object' &&
    source !== null &&
    (typeof source[Symbol.asyncIterator] === 'function' || typeof source[Symbol.iterator] === 'function')
  ) {
    for await (const piece of source as AsyncIterable<unknown>) {
      add(piece);
    }
  } else {
    throw argument(`attachments: expected octets, text, a Blob, a stream, a message or a part, got ${kindOf(content)}`);
  }
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function readied(attachment: Attachment, octets: Uint8Array): Ready {
  const { content, path } = attachment;
  let { filename, contentType } = attachment;
  if (content instanceof Part) {
    filename ??= content.filename ?? undefined;
    contentType ??= typeOf(content);
  } else if (content instanceof Message) {
    contentType ??= 'message/rfc822';
  } else if (path !== undefined) {
    filename ??= /[^/\\]*$/.exec(decoded(path))?.[0];
  } else if (typeof File !== 'undefined' && content instanceof File) {
    filename ??= content.name;
  }
  const blobType = typeof Blob !== 'undefined' && content instanceof Blob ? content.type : '';
  if (blobType !== '') {
    contentType ??= blobType;
  }
  return {
    content: octets,
    isText: typeof content === 'string',
    filename,
    contentType,
    cid: attachment.cid,
    inline: attachment.inline ?? false,
  };
}

function decoded(path: string | URL): string {
  return typeof path === 'string' ? path : decodeURIComponent(path.pathname);
}

/** The media type of a part with the charset of its text. */
function typeOf(part: Part): string {
  const { contentType, charset } = part;
  if (charset === null || !contentType.startsWith('text/')) {
    return contentType;
  }
  return `${contentType}; charset="${charset.replace(/["\\]/g, '\\$&')}"`;
}

function write(options: ComposeOptions<never> | ComposeOptions, attachments: Ready[]): Uint8Array {
  if (typeof options !== 'object' || options === null) {
    throw argument(`compose takes an object of options, not ${kindOf(options)}`);
  }
  const composer = calling(() => new (tools().Composer)(options.output ?? 'auto', options.keepBcc ?? false));
  try {
    return calling(() => {
      fill(composer, options, attachments);
      const random = crypto.getRandomValues(new Uint8Array(32));
      return composer.compose(Math.floor(Date.now() / 1000), 0, random);
    });
  } finally {
    composer.free?.();
  }
}

function fill(composer: Composer, options: ComposeOptions<never> | ComposeOptions, attachments: Ready[]): void {
  const lists = [
    ['from', options.from],
    ['to', options.to],
    ['cc', options.cc],
    ['bcc', options.bcc],
    ['reply-to', options.replyTo],
    ['sender', options.sender],
  ] as const;
  for (const [field, people] of lists) {
    for (const one of isList(people) ? people : people === undefined ? [] : [people]) {
      add(composer, field, one);
    }
  }
  if (options.subject !== undefined) {
    composer.subject(wellFormed('subject', options.subject));
  }
  if (options.date !== undefined) {
    const { date, offsetMinutes } = options.date instanceof Date ? { date: options.date, offsetMinutes: 0 } : options.date;
    const milliseconds = date.getTime();
    if (Number.isNaN(milliseconds)) {
      throw argument('date: expected a valid Date');
    }
    composer.date(Math.floor(milliseconds / 1000), offsetMinutes);
  }
  if (options.messageId !== undefined) {
    composer.messageId(wellFormed('messageId', options.messageId));
  }
  for (const id of identifiers(options.inReplyTo)) {
    composer.inReplyTo(wellFormed('inReplyTo', id));
  }
  for (const id of identifiers(options.references)) {
    composer.reference(wellFormed('references', id));
  }
  const headers = options.headers ?? {};
  for (const [name, value] of Symbol.iterator in headers ? headers : Object.entries(headers)) {
    composer.header(wellFormed('headers', name), wellFormed(name, value));
  }
  if (options.text !== undefined) {
    composer.text(wellFormed('text', options.text));
  }
  if (options.html !== undefined) {
    composer.html(wellFormed('html', options.html));
  }
  for (const { content, isText, filename, contentType, cid, inline } of attachments) {
    composer.attach(content, {
      contentType: optional('contentType', contentType),
      filename: optional('filename', filename),
      contentId: optional('cid', cid),
      inline,
      isText,
    });
  }
}

function isList(people: Recipient | readonly Recipient[] | undefined): people is readonly Recipient[] {
  return Array.isArray(people);
}

function add(composer: Composer, field: string, one: Recipient): void {
  if (typeof one === 'string') {
    composer.addresses(field, wellFormed(field, one));
  } else if (typeof one === 'object' && one !== null && 'addresses' in one) {
    if (one.name !== null) {
      composer.openGroup(field, wellFormed(field, one.name));
    }
    for (const member of one.addresses) {
      add(composer, field, member);
    }
    composer.closeGroup(field);
  } else if (typeof one === 'object' && one !== null && 'address' in one) {
    composer.mailbox(field, optional(field, one.name ?? undefined), wellFormed(field, one.address));
  } else {
    throw argument(`${field}: expected a string, { name, address } or { name, addresses }, got ${kindOf(one)}`);
  }
}

/** `<a@x> <b@y>`, as the fields of a message have it, or a list. */
function identifiers(given: string | readonly string[] | undefined): readonly string[] {
  return typeof given === 'string' ? given.split(' ') : (given ?? []);
}

function optional(what: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : wellFormed(what, value);
}

/** A string that UTF-8 can hold: half a surrogate pair cannot be sent. */
function wellFormed(what: string, value: string): string {
  if (typeof value !== 'string') {
    throw argument(`${what}: expected a string, got ${kindOf(value)}`);
  }
  const lone = /\p{Surrogate}/u.exec(value);
  if (lone !== null) {
    throw argument(`${what}: expected text, got half a surrogate pair as character ${lone.index + 1}`);
  }
  return value;
}

function kindOf(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? Object.prototype.toString.call(value).slice('[object '.length, -1)
    : shown(value);
}
