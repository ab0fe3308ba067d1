/**
 * A parsed message: `parse`, `Message`, `Part`, `Headers`.
 *
 * What a message means is decided by the engine. This file keeps the bytes and the index that the
 * engine made of them, and turns pieces of both into strings and arrays when they are asked for.
 * There is nothing to free. Long because every getter has its documentation here.
 */

import type { DefectCode, Severity } from './defect.js';
import type { CharsetGuess, Details, Span } from './details.js';
import { mime } from './engine-mime.js';
import { Pop3Error, argument } from './error.js';
import * as L from './layout.js';

/** A mailbox: an address and the name that is shown for it. */
export interface Address {
  /** The display name, decoded and unquoted; from the comment where there is no other. */
  readonly name: string | null;
  /**
   * The address as written (`local@domain`), without comments and source route. Empty when the item
   * has none; may lack an `@` (RFC 8621 section 4.1.2.3).
   */
  readonly address: string;
  /** The name of the group that the mailbox is in. */
  readonly group: string | null;
}

/** A named group of mailboxes, or a run of mailboxes outside any group (RFC 8621 section 4.1.2.4). */
export interface AddressGroup {
  /** The name of the group; `null` for a run of mailboxes outside any group. */
  readonly name: string | null;
  /** The mailboxes of the group in order; there may be none. */
  readonly addresses: readonly Address[];
}

/** Something in a message that readers should not rely on. */
export interface Defect {
  /** What is wrong, such as `duplicate-header`. */
  readonly code: DefectCode;
  /** How much it matters. */
  readonly severity: Severity;
  /** The number of the part that it is in: its place in the outermost message's `parts`. */
  readonly part: number;
  /**
   * Where it is in the bytes that came in, as near as can be told; `null` inside a transfer-encoded
   * message.
   */
  readonly range: readonly [start: number, end: number] | null;
}

/** A date of mail with the zone that the writer was in. */
export interface ZonedDate {
  /** The moment. */
  readonly date: Date;
  /** Minutes of the zone from UTC, positive in the east. */
  readonly offsetMinutes: number;
}

/**
 * Reads a message. Never fails on content: whatever the bytes are, a message comes out, with
 * `defects`.
 *
 * `raw` is the message as POP3's RETR gives it; line ends may be CRLF, LF or CR. A string is taken
 * as UTF-8. The bytes are not copied: they must not change as long as the message is used.
 *
 * @throws `Pop3Error` with the code `POP3_ERR_USAGE_ARGUMENT` if `raw` is nothing of this.
 */
export function parse(raw: Uint8Array | ArrayBuffer | string, options?: ParseOptions): Message {
  return new Message(new Shared(bytesOf(raw), options && numbersOf(options)), 0);
}

/** How much of a message is looked at. Each limit only ever makes less of it visible. */
export interface MimeLimits {
  /** Bytes of the header fields of one part: 2 MiB by default. */
  readonly headerBytes?: number;
  /** Header fields of one part: 10,000 by default. */
  readonly headers?: number;
  /** Parts of the whole message: 10,000 by default. */
  readonly parts?: number;
  /** Levels of multiparts and messages in one another: 64 by default. */
  readonly depth?: number;
  /** Levels of transfer-encoded messages in one another that are decoded: 3 by default. */
  readonly nestedEncodings?: number;
  /** Bytes of transfer-encoded messages that are decoded, all together: 256 MiB by default. */
  readonly decodedBytes?: number;
}

/** How a message is parsed. */
export interface ParseOptions {
  /** Which of several fields with one name counts: the first by default. */
  readonly duplicates?: 'first' | 'last';
  /** How much is looked at; what is beyond shows as the defect `limit-reached`. */
  readonly limits?: MimeLimits;
}

/** The options as the engine takes them. */
function numbersOf({ duplicates = 'first', limits = {} }: ParseOptions): Uint32Array {
  if (duplicates !== 'first' && duplicates !== 'last') {
    throw argument(`duplicates is 'first' or 'last', not ${String(duplicates)}`);
  }
  const { headerBytes, headers, parts, depth, nestedEncodings, decodedBytes } = limits;
  const numbers = [headerBytes, headers, parts, depth, nestedEncodings, decodedBytes].map((limit) => {
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= 0)) {
      throw argument(`a limit is a whole number, not ${String(limit)}`);
    }
    return limit === undefined ? L.NONE : Math.min(limit, L.NONE - 1);
  });
  return Uint32Array.of(duplicates === 'last' ? 1 : 0, ...numbers);
}

/**
 * Takes a plain text apart: what the author wrote, quotes, forwarded messages and the signature.
 * Decided by the lines alone; the spans cover the text without gap.
 */
export function textSpans(text: string): Span[] {
  const bytes = new TextEncoder().encode(text);
  return JSON.parse(mime().field(bytes, 0, bytes.length, L.FIELD_SPANS)) as Span[];
}

/** One line of a list of threads, as it is shown: parents before their children. */
export interface ThreadEntry {
  /** How deep it is; 0 starts a thread. */
  readonly depth: number;
  /** The message; `null` for one that is missing and holds others together. */
  readonly message: Message | null;
}

/** Threads of messages: the algorithm REFERENCES of RFC 5256 section 3, siblings by date. */
export function threads(messages: Iterable<Message>): ThreadEntry[] {
  const kept = [...messages];
  const items = kept.map(({ messageId, references, inReplyTo, subject, date }) => {
    const above = references.length > 0 ? references : inReplyTo.slice(0, 1);
    return [messageId ?? '', above.join(' '), subject ?? '', (date?.getTime() ?? 0) / 1000].join('\x1f');
  });
  const bytes = new TextEncoder().encode(items.join('\x1e'));
  const entries = JSON.parse(mime().field(bytes, 0, bytes.length, L.FIELD_THREADS)) as [number, number | null][];
  return entries.map(([depth, item]) => ({ depth, message: item === null ? null : (kept[item] ?? null) }));
}

function bytesOf(raw: Uint8Array | ArrayBuffer | string): Uint8Array {
  if (typeof raw === 'string') {
    return new TextEncoder().encode(raw);
  }
  let bytes: Uint8Array;
  if (raw instanceof Uint8Array) {
    bytes = raw;
  } else if (ArrayBuffer.isView(raw)) {
    const { buffer, byteOffset, byteLength } = raw as ArrayBufferView;
    bytes = new Uint8Array(buffer, byteOffset, byteLength);
  } else if (isBuffer(raw)) {
    bytes = new Uint8Array(raw);
  } else {
    throw argument(`a message is a Uint8Array, an ArrayBuffer or a string, not ${kindOf(raw)}`);
  }
  // Shared memory may change, and a page cannot decode it.
  return kindOf(bytes.buffer) === 'SharedArrayBuffer' ? new Uint8Array(bytes) : bytes;
}

/** Also one of another window, which is no instance of this one's class. */
function isBuffer(value: unknown): value is ArrayBuffer {
  return ['ArrayBuffer', 'SharedArrayBuffer'].includes(kindOf(value));
}

function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

/** What a message, its parts and its headers share: the bytes, the index, and what was made of them. */
class Shared {
  readonly raw: Uint8Array;
  readonly words: Uint32Array;
  readonly #text: string;
  readonly #parts: (Part | undefined)[] = [];
  readonly #messages: (Message | undefined)[] = [];
  readonly #sources: (Uint8Array | undefined)[] = [];
  readonly #charsetGuesses = new Map<number, ReadonlyMap<number, CharsetGuess>>();
  #children: number[][] | undefined;
  /**
   * By view, those of several messages or parts from the first one on, and how many were asked for:
   * each time twice as many, since the whole message is parsed for them and may hold thousands.
   */
  readonly #ahead = new Map<number, { first: number; texts: readonly string[]; count: number }>();

  /** How the message was parsed, where not as usual. */
  readonly options: Uint32Array | undefined;

  constructor(raw: Uint8Array, options?: Uint32Array) {
    const { words, text } = mime().index(raw, options);
    this.options = options;
    this.raw = raw;
    this.words = words;
    this.#text = text;
  }

  word(at: number): number {
    return this.words[at] as number;
  }

  text(at: number): string | null {
    const start = this.words[at] as number;
    return start === L.NONE ? null : this.#text.slice(start, this.words[at + 1] as number);
  }

  /** Where the items of a list start, and how many there are. */
  list(at: number): [start: number, length: number] {
    const list = this.words[at] as number;
    return list === 0 ? [0, 0] : [list + 1, this.words[list] as number];
  }

  messageRecord(index: number): number {
    return L.HEAD + index * L.MESSAGE;
  }

  partRecord(index: number): number {
    return L.HEAD + this.word(L.HEAD_MESSAGES) * L.MESSAGE + index * L.PART;
  }

  message(index: number): Message {
    return (this.#messages[index] ??= new Message(this, index));
  }

  keep(index: number, message: Message): void {
    this.#messages[index] = message;
  }

  part(index: number): Part {
    return (this.#parts[index] ??= new Part(this, index));
  }

  /** The bytes that positions of a part are in. */
  source(index: number): Uint8Array {
    return (this.#sources[index] ??= this.#makeSource(index));
  }

  #makeSource(index: number): Uint8Array {
    const record = this.partRecord(this.word(L.HEAD_PARTS)) + index * L.SOURCE;
    switch (this.word(record + L.SOURCE_KIND)) {
      case L.SOURCE_DECODED: {
        const part = this.partRecord(this.word(record + L.SOURCE_PART));
        const outer = this.source(this.word(part + L.PART_SOURCE));
        const encoding = this.word(part + L.PART_ENCODING);
        return mime().content(outer, this.word(part + L.PART_BODY), this.word(part + L.PART_END), encoding);
      }
      case L.SOURCE_LINE_ENDS:
        return mime().lineEnds(this.raw);
      default:
        return this.raw;
    }
  }

  /** What needs the whole message, of the outermost message, of one inside it or, for some, of a part. */
  view(index: number, what: number): string | undefined {
    if (index === 0) {
      return mime().view(this.raw, 0, what, this.options);
    }
    let ahead = this.#ahead.get(what);
    if (ahead === undefined || index < ahead.first || index >= ahead.first + ahead.texts.length) {
      const count = ahead === undefined ? 1 : Math.min(2 * ahead.count, this.words.length);
      const texts = JSON.parse(mime().views(this.raw, index, count, what, this.options)) as string[];
      ahead = { first: index, texts, count };
      this.#ahead.set(what, ahead);
    }
    const text = ahead.texts[index - ahead.first];
    return text ? text.slice(1) : undefined;
  }

  has(part: number, flag: number): boolean {
    return (this.word(this.partRecord(part) + L.PART_FLAGS) & flag) !== 0;
  }

  /** The text of a part, or of an HTML part what it says. */
  read(part: number, as: 'text' | 'htmlAsText'): string {
    const { words } = this;
    const record = this.partRecord(part);
    return mime()[as](
      this.source(words[record + L.PART_SOURCE] as number),
      words[record + L.PART_BODY] as number,
      words[record + L.PART_END] as number,
      words[record + L.PART_ENCODING] as number,
      words[record + L.PART_CHARSET] as number,
    );
  }

  /** The charset that was guessed for a part of a message. */
  charsetGuess(message: number, part: number): CharsetGuess | null {
    let guesses = this.#charsetGuesses.get(message);
    if (guesses === undefined) {
      const { charsetGuesses } = this.message(message).details;
      guesses = new Map(charsetGuesses.filter(({ header }) => header === null).map((guess) => [guess.part, guess]));
      this.#charsetGuesses.set(message, guesses);
    }
    return guesses.get(part) ?? null;
  }

  /** The numbers of the parts in each part, in order. */
  children(index: number): readonly number[] {
    if (this.#children === undefined) {
      const count = this.word(L.HEAD_PARTS);
      this.#children = Array.from({ length: count }, () => []);
      for (let part = 0; part < count; part++) {
        const parent = this.word(this.partRecord(part) + L.PART_PARENT);
        this.#children[parent]?.push(part);
      }
    }
    return this.#children[index] as number[];
  }
}

/** A message: its header fields read as what they mean, its parts by their role. */
export class Message {
  readonly #shared: Shared;
  readonly #index: number;
  readonly #record: number;
  #text: string | null | undefined;
  #html: string | null | undefined;
  #headers: Headers | undefined;
  #parts: readonly Part[] | undefined;
  #attachments: readonly Part[] | undefined;
  #inline: readonly Part[] | undefined;
  #defects: readonly Defect[] | undefined;
  #preview: string | undefined;
  #details: Details | undefined;

  /** @internal */
  constructor(shared: Shared, index: number) {
    this.#shared = shared;
    this.#index = index;
    this.#record = shared.messageRecord(index);
    shared.keep(index, this);
  }

  /** The subject, decoded (RFC 5322 section 3.6.5, RFC 2047). */
  get subject(): string | null {
    return this.#shared.text(this.#record + L.MESSAGE_SUBJECT);
  }

  /** The authors (RFC 5322 section 3.6.2). */
  get from(): Address[] {
    return this.#addresses(L.MESSAGE_FROM);
  }

  /** Who sent the message on behalf of the authors. */
  get sender(): Address | null {
    return this.#addresses(L.MESSAGE_SENDER)[0] ?? null;
  }

  /** The primary recipients (RFC 5322 section 3.6.3). */
  get to(): Address[] {
    return this.#addresses(L.MESSAGE_TO);
  }

  /** The recipients of copies. */
  get cc(): Address[] {
    return this.#addresses(L.MESSAGE_CC);
  }

  /** The recipients of blind copies, where a field tells. */
  get bcc(): Address[] {
    return this.#addresses(L.MESSAGE_BCC);
  }

  /** Where answers should go. */
  get replyTo(): Address[] {
    return this.#addresses(L.MESSAGE_REPLY_TO);
  }

  /**
   * When the message was written; `null` when the field is absent or holds no possible date (RFC
   * 5322 section 3.3). The writer's zone is in `zonedDate`.
   */
  get date(): Date | null {
    return this.zonedDate?.date ?? null;
  }

  /** `date` with the writer's zone. */
  get zonedDate(): ZonedDate | null {
    const { words } = this.#shared;
    const offset = words[this.#record + L.MESSAGE_DATE_OFFSET] as number;
    if (offset === L.NONE) {
      return null;
    }
    const high = (words[this.#record + L.MESSAGE_DATE_HIGH] as number) | 0;
    const seconds = high * 2 ** 32 + (words[this.#record + L.MESSAGE_DATE_LOW] as number);
    return { date: new Date(seconds * 1000), offsetMinutes: offset - L.DATE_OFFSET_BIAS };
  }

  /** The identifier of the message without angle brackets (RFC 5322 section 3.6.4). */
  get messageId(): string | null {
    return this.#shared.text(this.#record + L.MESSAGE_ID);
  }

  /** The identifiers of the messages that this one answers. */
  get inReplyTo(): string[] {
    return this.#texts(L.MESSAGE_IN_REPLY_TO);
  }

  /** The identifiers of the thread, oldest first. */
  get references(): string[] {
    return this.#texts(L.MESSAGE_REFERENCES);
  }

  /**
   * The body as text: RFC 8621's `textBody`, its parts joined, HTML made into text where there is
   * no other. Line ends are as sent. `null` when no part of the body is text.
   */
  get text(): string | null {
    if (this.#text === undefined) {
      this.#text = this.#body(L.MESSAGE_TEXT_BODY, L.VIEW_TEXT);
    }
    return this.#text;
  }

  /**
   * The body as HTML: RFC 8621's `htmlBody`, its parts joined, plain text among them escaped.
   * `null` when the message has no HTML. It is the sender's: not made safe in any way.
   */
  get html(): string | null {
    if (this.#html === undefined) {
      this.#html = this.#body(L.MESSAGE_HTML_BODY, L.VIEW_HTML);
    }
    return this.#html;
  }

  /**
   * `html` with the images, sounds, films and fonts that it shows by `cid:` put in as `data:` URLs.
   * Other references stay as they are.
   */
  htmlWithInline(): string | null {
    return this.#view(L.VIEW_HTML_WITH_INLINE) ?? null;
  }

  /**
   * `html` with each `cid:` reference to a part replaced by what `resolve` gives for the part;
   * references for which it gives nothing stay. What it gives must be fit for an attribute of HTML:
   * nothing is escaped.
   */
  htmlWith(resolve: (part: Part) => string | null | undefined): string | null {
    const { html } = this;
    if (html === null) {
      return null;
    }
    const references = JSON.parse(this.#view(L.VIEW_CIDS) ?? '[]') as [start: number, end: number, part: number][];
    let out = '';
    let from = 0;
    for (const [start, end, part] of references) {
      const url = resolve(this.#shared.part(part));
      if (url !== null && url !== undefined) {
        out += html.slice(from, start) + url;
        from = end;
      }
    }
    return out + html.slice(from);
  }

  /** `text` with the soft line breaks of `format=flowed` undone (RFC 3676). */
  get unwrappedText(): string | null {
    return this.#view(L.VIEW_UNWRAPPED_TEXT) ?? null;
  }

  /**
   * The body as Markdown (CommonMark), for programs and models that read it: the parts of `html`, HTML made
   * into Markdown, plain text among them or alone escaped so that it shows the same lines. What the sender
   * wrote as HTML does not go through. `null` when no part of the body is text.
   */
  get markdown(): string | null {
    return this.#view(L.VIEW_MARKDOWN) ?? null;
  }

  /**
   * What the author wrote: `unwrappedText` without quotes, forwarded messages and signature, as far as
   * lines show them; see `textSpans`.
   */
  get ownText(): string | null {
    return this.#view(L.VIEW_OWN_TEXT) ?? null;
  }

  /**
   * What the message says beyond its text, looked for when first asked for: mailing list, way, thread,
   * reports, calendars, signatures, guessed charsets.
   */
  get details(): Details {
    return (this.#details ??= JSON.parse(this.#view(L.VIEW_DETAILS) ?? 'null') as Details);
  }

  /** The beginning of the text on one line, at most 256 characters (RFC 8621 section 4.1.4). */
  get preview(): string {
    return (this.#preview ??= this.#view(L.VIEW_PREVIEW) ?? '');
  }

  /**
   * The attachments in order: every leaf part that is neither body nor inline resource. A
   * `message/rfc822` part is one; what it holds is not.
   */
  get attachments(): readonly Part[] {
    return (this.#attachments ??= this.#withFlag(L.FLAG_ATTACHMENT));
  }

  /** The resources that the body shows, in order: see `Part.isInline`. */
  get inline(): readonly Part[] {
    return (this.#inline ??= this.#withFlag(L.FLAG_INLINE));
  }

  /** Every part in document order, multiparts and the parts of nested messages included. */
  get parts(): readonly Part[] {
    if (this.#parts === undefined) {
      const parts: Part[] = [];
      const end = this.#shared.word(this.#record + L.MESSAGE_END);
      for (let index = this.#root; index < end; index++) {
        parts.push(this.#shared.part(index));
      }
      this.#parts = parts;
    }
    return this.#parts;
  }

  /** The part that is the message itself: its header fields and its whole body. */
  get root(): Part {
    return this.#shared.part(this.#root);
  }

  /** The header fields of the message. */
  get headers(): Headers {
    return (this.#headers ??= this.root.headers);
  }

  /** Everything in the message that readers should not rely on: looked for now, in one pass. */
  get defects(): readonly Defect[] {
    return (this.#defects ??= JSON.parse(this.#view(L.VIEW_DEFECTS) ?? '[]') as Defect[]);
  }

  /**
   * How other programs may read the message where it is ambiguous, one disagreement at a time; none for
   * mail whose defects change neither structure nor names nor content. A filter forbids what is forbidden
   * in the message or in any view: look at type, name and content of every part of each. What a
   * transfer-encoded message inside holds is in the views of that message.
   */
  views(): View[] {
    const views = JSON.parse(this.#view(L.VIEW_VIEWS) ?? '[]') as { code: DefectCode; changes: Change[] }[];
    return views.map(({ code, changes }) => new View(this.raw, this.#shared.options, code, changes));
  }

  /** The bytes of this message, from its first header field to its end. */
  get raw(): Uint8Array {
    return this.#index === 0 ? this.#shared.raw : this.root.raw;
  }

  /**
   * The message as an RFC 8621 (JMAP) Email object, the same in every language that this library
   * serves; what `JSON.stringify` writes of a message.
   *
   * Left out is what only a server has: `id`, `blobId`, `threadId`, `mailboxIds`, `keywords`,
   * `receivedAt`. Of repeated fields the first counts. `partId` is the part's number.
   */
  toJSON(): Record<string, unknown> {
    return JSON.parse(this.json()) as Record<string, unknown>;
  }

  /** `toJSON` as the core writes it: without spaces, keys in a fixed order. */
  json(): string {
    return this.#view(L.VIEW_JSON) ?? '';
  }

  /** The structure drawn with lines, one part a line, for people. */
  tree(): string {
    return this.#view(L.VIEW_TREE) ?? '';
  }

  get #root(): number {
    return this.#shared.word(this.#record + L.MESSAGE_ROOT);
  }

  #view(what: number): string | undefined {
    return this.#shared.view(this.#index, what);
  }

  /** One part needs no joining; what several make of themselves the engine knows. */
  #body(list: number, view: number): string | null {
    const shared = this.#shared;
    const [start, length] = shared.list(this.#record + list);
    if (length !== 1) {
      return length === 0 ? null : (this.#view(view) ?? null);
    }
    const part = shared.word(start);
    const isHtml = shared.has(part, L.FLAG_HTML);
    if (view === L.VIEW_HTML) {
      return isHtml ? shared.part(part).text : null;
    }
    return isHtml ? shared.read(part, 'htmlAsText') : shared.part(part).text;
  }

  #withFlag(flag: number): readonly Part[] {
    const shared = this.#shared;
    const parts: Part[] = [];
    const end = shared.word(this.#record + L.MESSAGE_END);
    for (let index = this.#root; index < end; index++) {
      const record = shared.partRecord(index);
      if (shared.word(record + L.PART_MESSAGE) === this.#index && shared.word(record + L.PART_FLAGS) & flag) {
        parts.push(shared.part(index));
      }
    }
    return parts;
  }

  #addresses(field: number): Address[] {
    const shared = this.#shared;
    const addresses: Address[] = [];
    const [start, length] = shared.list(this.#record + field);
    for (let at = start; at < start + length * L.ADDRESS; at += L.ADDRESS) {
      addresses.push({ name: shared.text(at), address: shared.text(at + 2) ?? '', group: shared.text(at + 4) });
    }
    return addresses;
  }

  #texts(field: number): string[] {
    const shared = this.#shared;
    const texts: string[] = [];
    const [start, length] = shared.list(this.#record + field);
    for (let at = start; at < start + length * 2; at += 2) {
      texts.push(shared.text(at) ?? '');
    }
    return texts;
  }
}

/** Octets between two positions, and what comes in their place, a character for each octet. */
type Change = readonly [start: number, end: number, octets: string];

/** A message as other programs may read it: see `Message.views`. */
export class View {
  /** The defect on whose meaning programs disagree, such as `duplicate-header`. */
  readonly code: DefectCode;
  readonly #raw: Uint8Array;
  readonly #options: Uint32Array | undefined;
  readonly #changes: readonly Change[];
  #message: Message | undefined;

  /** @internal */
  constructor(raw: Uint8Array, options: Uint32Array | undefined, code: DefectCode, changes: readonly Change[]) {
    this.code = code;
    this.#raw = raw;
    this.#options = options;
    this.#changes = changes;
  }

  /**
   * The message in the other reading, parsed when first asked for. Its bytes are those of the original with
   * as little changed as may be, so that every program reads them in this way.
   */
  get message(): Message {
    return (this.#message ??= new Message(new Shared(this.#apply(), this.#options), 0));
  }

  #apply(): Uint8Array {
    const more = this.#changes.reduce((sum, [start, end, octets]) => sum + octets.length - (end - start), 0);
    const changed = new Uint8Array(this.#raw.length + more);
    let from = 0;
    let to = 0;
    for (const [start, end, octets] of [...this.#changes, [this.#raw.length, this.#raw.length, ''] as Change]) {
      changed.set(this.#raw.subarray(from, start), to);
      to += start - from;
      for (let at = 0; at < octets.length; at++) changed[to++] = octets.charCodeAt(at);
      from = end;
    }
    return changed;
  }
}

/** One MIME part: its type, its names, its content. */
export class Part {
  readonly #shared: Shared;
  readonly #record: number;
  /** The number of the part: its place in `parts` of the outermost message. */
  readonly index: number;
  #content: Uint8Array | undefined;
  #text: string | null | undefined;
  #headers: Headers | undefined;
  #size: number | undefined;

  /** @internal */
  constructor(shared: Shared, index: number) {
    this.#shared = shared;
    this.index = index;
    this.#record = shared.partRecord(index);
  }

  /**
   * The media type in lower case, `text/plain` where none is given and `message/rfc822` for a part
   * without type in a digest (RFC 2045 section 5.2, RFC 2046 section 5.1.5).
   */
  get contentType(): string {
    return this.#shared.text(this.#record + L.PART_CONTENT_TYPE) ?? '';
  }

  /** The charset label as written, `null` where none is given. */
  get charset(): string | null {
    return this.#shared.text(this.#record + L.PART_CHARSET_LABEL);
  }

  /** The disposition in lower case, mostly `attachment` or `inline` (RFC 2183); `null` where none is given. */
  get disposition(): string | null {
    return this.#shared.text(this.#record + L.PART_DISPOSITION);
  }

  /**
   * The file name that the sender gave, decoded; `null` where none is given.
   *
   * From the disposition's `filename`, else from the type's `name`. It may hold a path or worse: to
   * save a file use `safeFilename`.
   */
  get filename(): string | null {
    return this.#shared.text(this.#record + L.PART_FILENAME);
  }

  /** A name to save the part under, never empty: one path component, safe on every system. */
  get safeFilename(): string {
    return mime().safeFilename(this.filename ?? '', this.contentType, this.index);
  }

  /** The content identifier without angle brackets (RFC 2045 section 7). */
  get contentId(): string | null {
    return this.#shared.text(this.#record + L.PART_CONTENT_ID);
  }

  /** The transfer encoding in lower case, `7bit` where none is given (RFC 2045 section 6.1). */
  get transferEncoding(): string {
    switch (this.#word(L.PART_ENCODING)) {
      case L.ENCODING_BASE64:
        return 'base64';
      case L.ENCODING_QUOTED_PRINTABLE:
        return 'quoted-printable';
      default:
        return this.#shared.text(this.#record + L.PART_TRANSFER_ENCODING) ?? '7bit';
    }
  }

  /** The size of `content` in octets; nothing is decoded to find it. */
  get size(): number {
    return (this.#size ??= this.#measure());
  }

  /**
   * The content with the transfer encoding undone. For a multipart this is its whole body,
   * delimiters included. Where there was no transfer encoding it is a view of the message's bytes.
   */
  get content(): Uint8Array {
    return (this.#content ??= this.#decode());
  }

  /**
   * The text of a `text/*` part: transfer encoding undone, converted from its charset, line ends as
   * sent. `null` for any other part. What is not valid in the charset becomes U+FFFD; an unknown
   * charset is read as UTF-8; both show as defects.
   */
  get text(): string | null {
    if (this.#text === undefined) {
      this.#text = this.#has(L.FLAG_TEXT) ? this.#shared.read(this.index, 'text') : null;
    }
    return this.#text;
  }

  /** `text` with the soft line breaks of `format=flowed` undone (RFC 3676). */
  get unwrappedText(): string | null {
    return this.#has(L.FLAG_TEXT) ? (this.#shared.view(this.index, L.VIEW_PART_UNWRAPPED_TEXT) ?? null) : null;
  }

  /** The charset that `text` is read in, where it is not the labelled one; `null` else. */
  get charsetGuess(): CharsetGuess | null {
    return this.#shared.charsetGuess(this.#word(L.PART_MESSAGE), this.index);
  }

  /**
   * The octets that the signature of a `multipart/signed` signs, `null` for any other part: its first
   * part with header fields, exactly as it came but for line ends, which are CRLF (RFC 1847 section
   * 2.1).
   */
  signedContent(): Uint8Array | null {
    const [first] = this.children;
    return this.contentType === 'multipart/signed' && first ? mime().crlf(first.raw) : null;
  }

  /**
   * Saves the content to a new file in a folder and returns its path. Only where there are files: in the
   * package `popmail`, not in `popmail-wasm`.
   *
   * The folder is made where it is missing. The file is called `safeFilename`; where there is one
   * already, whatever it is, a number is put before the extension. An existing file is never written to, a
   * symbolic link never followed.
   *
   * @throws what Node throws where the folder or the file cannot be made or written; no part of the file is
   * left. `Pop3Error` with the code `POP3_ERR_USAGE_ARGUMENT` if `folder` is no path, or if ten thousand
   * files have that name, `POP3_ERR_USAGE_STATE` where there are no files.
   */
  async save(folder: string | URL): Promise<string> {
    const { saveFile } = mime();
    if (saveFile === undefined) {
      throw new Pop3Error('POP3_ERR_USAGE_STATE', 'there are no files here: take the content and the safeFilename');
    }
    return saveFile(this.content, this.safeFilename, folder);
  }

  /** The parts of a multipart in order, none for any other part. */
  get children(): Part[] {
    return this.#shared.children(this.index).map((index) => this.#shared.part(index));
  }

  /** The message in a `message/rfc822` part. */
  get message(): Message | null {
    const nested = this.#word(L.PART_NESTED);
    return nested === L.NONE ? null : this.#shared.message(nested);
  }

  /** The header fields of the part. */
  get headers(): Headers {
    return (this.#headers ??= new Headers(
      this.#shared,
      this.#source,
      ...this.#shared.list(this.#record + L.PART_HEADERS),
    ));
  }

  /**
   * The part as it came: header fields, blank line and body, without the line end before the next
   * delimiter.
   */
  get raw(): Uint8Array {
    return this.#source.subarray(this.#word(L.PART_HEADER), this.#word(L.PART_END));
  }

  /** Where the part is in the bytes that came in; `null` inside a transfer-encoded message. */
  get range(): [start: number, end: number] | null {
    const { length } = this.#shared.raw;
    const place = (at: number) => Math.min(at - this.#inserted(at), length);
    return this.#word(L.PART_SOURCE) === 0 ? [place(this.#word(L.PART_HEADER)), place(this.#word(L.PART_END))] : null;
  }

  /** How many octets stand before a position that are not in the message: blank lines between lines ended by CR. */
  #inserted(at: number): number {
    const source = this.#source;
    let count = 0;
    if (source !== this.#shared.raw) {
      // Every CR of the message became LF: one that is left belongs to such a line.
      for (let cr = source.indexOf(13); cr !== -1 && cr < at; cr = source.indexOf(13, cr + 1)) count += 2;
    }
    return count;
  }

  /** Whether the part is a multipart. */
  get isMultipart(): boolean {
    return this.#has(L.FLAG_MULTIPART);
  }

  /** Whether the part is an attachment: neither body text, nor inline resource, nor multipart. */
  get isAttachment(): boolean {
    return this.#has(L.FLAG_ATTACHMENT);
  }

  /**
   * Whether the part is a resource that the body shows: marked inline, or without disposition in a
   * `multipart/related` after its first part, and there or with a Content-ID.
   */
  get isInline(): boolean {
    return this.#has(L.FLAG_INLINE);
  }

  #word(field: number): number {
    return this.#shared.words[this.#record + field] as number;
  }

  #has(flag: number): boolean {
    return (this.#word(L.PART_FLAGS) & flag) !== 0;
  }

  get #source(): Uint8Array {
    return this.#shared.source(this.#word(L.PART_SOURCE));
  }

  #measure(): number {
    const start = this.#word(L.PART_BODY);
    const end = this.#word(L.PART_END);
    const encoding = this.#word(L.PART_ENCODING);
    if (encoding === L.ENCODING_NONE) {
      return end - start;
    }
    return this.#content?.length ?? mime().contentSize(this.#source, start, end, encoding);
  }

  #decode(): Uint8Array {
    const start = this.#word(L.PART_BODY);
    const end = this.#word(L.PART_END);
    const encoding = this.#word(L.PART_ENCODING);
    if (encoding === L.ENCODING_NONE) {
      return this.#source.subarray(start, end);
    }
    return mime().content(this.#source, start, end, encoding);
  }
}

/** One header field. */
export class Header {
  readonly #shared: Shared;
  readonly #source: Uint8Array;
  readonly #at: number;
  #name: string | undefined;
  #value: string | undefined;

  /** @internal */
  constructor(shared: Shared, source: Uint8Array, at: number) {
    this.#shared = shared;
    this.#source = source;
    this.#at = at;
  }

  /** The name as written; bytes that are not UTF-8 become U+FFFD. */
  get name(): string {
    return (this.#name ??= this.#readName());
  }

  /** The value as text: unfolded, encoded words decoded (RFC 2047), without control characters. */
  get value(): string {
    return (this.#value ??= this.#read(L.FIELD_TEXT));
  }

  /** The bytes after the colon, folded as written, without the final line end. */
  get raw(): Uint8Array {
    return this.#source.subarray(this.#shared.word(this.#at + 1), this.#shared.word(this.#at + 2));
  }

  /** The value as an address list (RFC 5322 section 3.4), whatever the field is called. */
  get addresses(): Address[] {
    return this.addressGroups.flatMap((group) => group.addresses);
  }

  /** `addresses`, groups kept, the empty ones too. */
  get addressGroups(): AddressGroup[] {
    const groups = JSON.parse(this.#read(L.FIELD_ADDRESSES)) as AddressGroup[];
    return groups.map(({ name, addresses }) => ({
      name,
      addresses: addresses.map((address) => ({ ...address, group: name })),
    }));
  }

  /** The value as a date (RFC 5322 section 3.3), `null` when it is no possible one. */
  get date(): Date | null {
    const text = this.#read(L.FIELD_DATE);
    return text === '' ? null : new Date(text);
  }

  /** The value as message identifiers without angle brackets (RFC 5322 section 3.6.4). */
  get identifiers(): string[] {
    return JSON.parse(this.#read(L.FIELD_IDENTIFIERS)) as string[];
  }

  #read(what: number): string {
    return mime().field(this.#source, this.#shared.word(this.#at + 1), this.#shared.word(this.#at + 2), what);
  }

  #readName(): string {
    // The byte before the value is the colon.
    const end = Math.max(this.#shared.word(this.#at), this.#shared.word(this.#at + 1) - 1);
    const bytes = this.#source.subarray(this.#shared.word(this.#at), end);
    return utf8.decode(bytes).replace(/[\t\n\f\r ]+$/, '');
  }
}

/** The header fields of a message or part, in the order they were written. */
export class Headers implements Iterable<Header> {
  readonly #shared: Shared;
  readonly #source: Uint8Array;
  readonly #start: number;
  /** The number of fields. */
  readonly length: number;
  #fields: readonly Header[] | undefined;

  /** @internal */
  constructor(shared: Shared, source: Uint8Array, start: number, length: number) {
    this.#shared = shared;
    this.#source = source;
    this.#start = start;
    this.length = length;
  }

  /** Every field in the order they were written. */
  [Symbol.iterator](): ArrayIterator<Header> {
    return this.#all()[Symbol.iterator]();
  }

  /** The first field with this name; upper and lower case are the same. */
  get(name: string): Header | undefined {
    const wanted = lower(name);
    return this.#all().find((field) => lower(field.name) === wanted);
  }

  /** Every field with this name in the order they were written. */
  getAll(name: string): Header[] {
    const wanted = lower(name);
    return this.#all().filter((field) => lower(field.name) === wanted);
  }

  /** Whether there is a field with this name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  #all(): readonly Header[] {
    return (this.#fields ??= Array.from(
      { length: this.length },
      (_, index) => new Header(this.#shared, this.#source, this.#start + index * L.FIELD),
    ));
  }
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** ASCII in lower case. */
function lower(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
