/**
 * The result shapes of other parsers over this one: `simpleParser` of mailparser, and `PostalMime`.
 *
 * Decides nothing about mail: it renames what `parse` found. Where the results differ on purpose is
 * listed in the tests (`compat.test.mjs`).
 */

import type { AddressGroup, Header, Message, Part } from './message.js';

/** Whatever gives a message. */
export type Parse = (raw: Uint8Array | ArrayBuffer | string) => Message;

/** What mail may come from: octets, a string, or a stream that is read to its end. */
export type MailSource =
  | Uint8Array
  | ArrayBuffer
  | string
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>;

// mailparser

/** A mailbox or group of mailparser. */
export interface EmailAddress {
  address?: string;
  name: string;
  group?: EmailAddress[];
}

/** The addresses of a field, as data and as text. */
export interface AddressObject {
  value: EmailAddress[];
  html: string;
  text: string;
}

/** A structured field: its value and its parameters. */
export interface StructuredHeader {
  value: string;
  params: Record<string, string>;
}

/** The value of a field by its kind. */
export type HeaderValue = string | string[] | AddressObject | Date | StructuredHeader | Record<string, unknown>;

/** An attachment of mailparser. */
export interface MailAttachment {
  type: 'attachment';
  content: Uint8Array;
  contentType: string;
  partId: string;
  release: null;
  contentDisposition: string;
  filename?: string;
  contentId?: string;
  cid?: string;
  related?: boolean;
  headers: Map<string, HeaderValue>;
  /** MD5, where the platform has it: in Node. */
  checksum?: string;
  size: number;
}

/** A message of mailparser. */
export interface ParsedMail {
  attachments: MailAttachment[];
  headers: Map<string, HeaderValue>;
  headerLines: { key: string; line: string }[];
  html: string | false;
  text?: string;
  textAsHtml?: string;
  subject?: string;
  references?: string | string[];
  date?: Date;
  to?: AddressObject;
  from?: AddressObject;
  cc?: AddressObject;
  bcc?: AddressObject;
  replyTo?: AddressObject;
  messageId?: string;
  inReplyTo?: string;
  priority?: 'normal' | 'low' | 'high';
}

/** Options of `simpleParser` that have a meaning here. */
export interface SimpleParserOptions {
  /** Leave `cid:` links instead of putting the images in as `data:` URLs. */
  keepCidLinks?: boolean;
  skipHtmlToText?: boolean;
  skipTextToHtml?: boolean;
}

/** `simpleParser` of mailparser over a parser. */
export interface SimpleParser {
  (source: MailSource, options?: SimpleParserOptions): Promise<ParsedMail>;
  (source: MailSource, callback: (error: unknown, mail?: ParsedMail) => void): void;
  (source: MailSource, options: SimpleParserOptions, callback: (error: unknown, mail?: ParsedMail) => void): void;
}

type Callback = (error: unknown, mail?: ParsedMail) => void;

export function simpleParserOver(parse: Parse, checksum?: (content: Uint8Array) => string): SimpleParser {
  const read = async (source: MailSource, options: SimpleParserOptions): Promise<ParsedMail> =>
    parsedMail(parse(await octets(source)), options, checksum);
  return ((source: MailSource, given: SimpleParserOptions | Callback = {}, callback?: Callback) => {
    const done = typeof given === 'function' ? given : callback;
    const result = read(source, typeof given === 'function' ? {} : given);
    if (done === undefined) {
      return result;
    }
    result.then(
      (mail) => done(null, mail),
      (error: unknown) => done(error),
    );
    return undefined;
  }) as SimpleParser;
}

const ADDRESSES = ['from', 'to', 'cc', 'bcc', 'sender', 'reply-to', 'delivered-to', 'return-path', 'disposition-notification-to'];
const STRUCTURED = ['content-type', 'content-disposition', 'dkim-signature'];

function parsedMail(
  message: Message,
  options: SimpleParserOptions,
  checksum: ((content: Uint8Array) => string) | undefined,
): ParsedMail {
  const html = options.keepCidLinks ? message.html : message.htmlWithInline();
  const text = html !== null && options.skipHtmlToText && !hasPlainText(message) ? null : message.text;
  const headers = headerMap(message.root);
  const mail: ParsedMail = {
    attachments: attachmentsOf(message).map((part) => mailAttachment(message, part, checksum)),
    headers,
    headerLines: Array.from(message.headers, (header) => headerLine(header, binary)),
    html: html === null ? false : newlines(html),
  };
  const plain = text === null ? undefined : newlines(text);
  if (plain) {
    mail.text = plain;
    if (!options.skipTextToHtml) {
      mail.textAsHtml = textAsHtml(plain);
    }
  }
  const set = <K extends keyof ParsedMail>(key: K, value: ParsedMail[K] | null | undefined): void => {
    if (value !== null && value !== undefined) {
      mail[key] = value;
    }
  };
  set('subject', message.subject);
  set('date', message.date);
  set('from', addressObject(message.headers.get('from')));
  set('to', addressObject(message.headers.get('to')));
  set('cc', addressObject(message.headers.get('cc')));
  set('bcc', addressObject(message.headers.get('bcc')));
  set('replyTo', addressObject(message.headers.get('reply-to')));
  set('messageId', bracketed(message.messageId));
  set('inReplyTo', bracketed(message.inReplyTo[0]));
  set('references', one(message.references.map((id) => `<${id}>`)));
  set('priority', priorityOf(message));
  return mail;
}

function hasPlainText(message: Message): boolean {
  return message.parts.some((part) => part.contentType === 'text/plain' && !part.isAttachment);
}

function headerMap(part: Part): Map<string, HeaderValue> {
  const found = new Map<string, HeaderValue>();
  const lists: Record<string, unknown> = {};
  for (const header of part.headers) {
    const key = header.name.toLowerCase();
    if (key.startsWith('list-')) {
      lists[key.slice('list-'.length)] ??= listValue(header.value);
      continue;
    }
    const value = headerValue(key, header, part);
    const before = found.get(key);
    if (before === undefined) {
      found.set(key, value);
    } else if (typeof value === 'string' && !STRUCTURED.includes(key) && key !== 'subject' && key !== 'message-id') {
      found.set(key, [...(Array.isArray(before) ? before : [before as string]), value]);
    }
  }
  if (Object.keys(lists).length > 0) {
    found.set('list', lists);
  }
  return found;
}

function headerValue(key: string, header: Header, part: Part): HeaderValue {
  if (ADDRESSES.includes(key)) {
    return addressObject(header) ?? header.value;
  }
  if (STRUCTURED.includes(key)) {
    const found = structured(header.value);
    return key === 'content-disposition' ? named(found, 'filename', part) : named(found, 'name', part);
  }
  if (key === 'date') {
    return header.date ?? header.value;
  }
  if (key === 'references') {
    return one(header.identifiers.map((id) => `<${id}>`)) ?? '';
  }
  return key === 'message-id' || key === 'in-reply-to' || key === 'content-id'
    ? (bracketed(header.identifiers[0]) ?? header.value)
    : header.value;
}

/** A value and its parameters, as they stand there. */
function structured(text: string): StructuredHeader {
  const params: Record<string, string> = {};
  for (const [, name, quoted, token] of text.matchAll(/;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g)) {
    params[(name as string).toLowerCase()] ??= quoted?.replace(/\\(.)/g, '$1') ?? token?.trim() ?? '';
  }
  return { value: (/^[^;]*/.exec(text)?.[0] ?? '').trim().toLowerCase(), params };
}

/** With the name as it was decoded, in place of its pieces (RFC 2231) or encoded words. */
function named(header: StructuredHeader, key: string, part: Part): StructuredHeader {
  const params: Record<string, string> = {};
  let isNamed = false;
  for (const [name, value] of Object.entries(header.params)) {
    if (name === key || name.startsWith(`${key}*`)) {
      isNamed = true;
    } else {
      params[name] = value;
    }
  }
  return { value: header.value, params: isNamed ? { ...params, [key]: part.filename ?? '' } : params };
}

/** A field of mailing lists: its URLs and its name (RFC 2369, RFC 2919). */
function listValue(text: string): Record<string, string> {
  const value: Record<string, string> = {};
  for (const [, url] of text.matchAll(/<([^<>]*)>/g)) {
    if (/^mailto:/i.test(url as string)) {
      value['mail'] ??= (url as string).slice('mailto:'.length);
    } else if (/^[a-z][a-z0-9+.-]*:/i.test(url as string)) {
      value['url'] ??= url as string;
    } else {
      value['id'] ??= url as string;
    }
  }
  const name = text.replace(/<[^<>]*>/g, '').replace(/^[\s,"]+|[\s,"]+$/g, '');
  if (name !== '') {
    value['name'] = name;
  }
  return value;
}

function addressObject(header: Header | undefined): AddressObject | undefined {
  if (header === undefined) {
    return undefined;
  }
  const value = header.addressGroups.flatMap(emailAddresses);
  return { value, html: value.map(addressHtml).join(', '), text: value.map(addressText).join(', ') };
}

function emailAddresses(group: AddressGroup): EmailAddress[] {
  const members = group.addresses.map(({ name, address }) => ({ address, name: name ?? '' }));
  return group.name === null ? members : [{ name: group.name, group: members }];
}

function addressText({ name, address, group }: EmailAddress): string {
  if (group !== undefined) {
    return `"${name}": ${group.map(addressText).join(', ')};`;
  }
  return name === '' ? (address ?? '') : `"${name}"${address ? ` <${address}>` : ''}`;
}

function addressHtml({ name, address, group }: EmailAddress): string {
  const shown = `<span class="mp_address_name">${encoded(name)}${group === undefined ? '' : ': '}</span>`;
  if (group !== undefined) {
    return `<span class="mp_address_group">${shown}${group.map(addressHtml).join(', ')};</span>`;
  }
  const link = address ? `<a href="mailto:${encoded(address)}" class="mp_address_email">${encoded(address)}</a>` : '';
  const both = name === '' ? link : `${shown}${link === '' ? '' : ` &lt;${link}&gt;`}`;
  return `<span class="mp_address_group">${both}</span>`;
}

function encoded(text: string): string {
  return text.replace(/["&'<>`]|[^ -~]/gu, (char) => `&#x${(char.codePointAt(0) as number).toString(16).toUpperCase()};`);
}

function textAsHtml(text: string): string {
  const escaped = text.trim().replace(/[&<>"']/g, (char) => `&#x${char.charCodeAt(0).toString(16).toUpperCase()};`);
  return `<p>${escaped.replace(/\n{2,}/g, '</p><p>').replace(/\n/g, '<br/>')}</p>`;
}

function priorityOf(message: Message): ParsedMail['priority'] | undefined {
  const value = (message.headers.get('x-priority') ?? message.headers.get('importance'))?.value.trim().toLowerCase() ?? '';
  if (/^(1|2|high|urgent)/.test(value)) {
    return 'high';
  }
  return /^(4|5|low|non-urgent)/.test(value) ? 'low' : value === '' ? undefined : 'normal';
}

function mailAttachment(
  message: Message,
  part: Part,
  checksum: ((content: Uint8Array) => string) | undefined,
): MailAttachment {
  const { parent, path } = placeOf(message, part);
  const { contentId, filename } = part;
  return {
    type: 'attachment',
    content: part.content,
    contentType: part.contentType,
    partId: path,
    release: null,
    contentDisposition: part.disposition ?? 'attachment',
    ...(filename === null ? {} : { filename }),
    ...(contentId === null ? {} : { contentId: `<${contentId}>`, cid: contentId }),
    ...(parent?.contentType === 'multipart/related' ? { related: true } : {}),
    headers: headerMap(part),
    ...(checksum === undefined ? {} : { checksum: checksum(part.content) }),
    size: part.size,
  };
}

/** The multipart that a part is in, and the numbers that lead to it (RFC 3501 section 6.4.5). */
function placeOf(message: Message, wanted: Part): { parent: Part | undefined; path: string } {
  const waiting: { part: Part; parent: Part | undefined; path: string }[] = [
    { part: message.root, parent: undefined, path: '' },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { part, path } = next;
    if (part.index === wanted.index) {
      return { parent: next.parent, path: path === '' ? '1' : path };
    }
    part.children.forEach((child, at) => {
      waiting.push({ part: child, parent: part, path: path === '' ? `${at + 1}` : `${path}.${at + 1}` });
    });
  }
  return { parent: undefined, path: '1' };
}

/** Attachments and inline resources in the order of the message. */
function attachmentsOf(message: Message): Part[] {
  return [...message.inline, ...message.attachments].sort((first, other) => first.index - other.index);
}

function bracketed(id: string | null | undefined): string | undefined {
  return id === null || id === undefined ? undefined : `<${id}>`;
}

function one(values: string[]): string | string[] | undefined {
  return values.length > 1 ? values : values[0];
}

function newlines(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}

const utf8 = new TextDecoder();
const unicode = (raw: Uint8Array): string => utf8.decode(raw);
/** One character for each octet, as mailparser has its lines. */
const binary = (raw: Uint8Array): string => Array.from(raw, (octet) => String.fromCharCode(octet)).join('');

function headerLine(header: Header, decode: (raw: Uint8Array) => string): { key: string; line: string } {
  return { key: header.name.toLowerCase(), line: `${header.name}:${decode(header.raw)}` };
}

async function octets(source: MailSource): Promise<Uint8Array | ArrayBuffer | string> {
  if (typeof source === 'string' || ArrayBuffer.isView(source)) {
    return source;
  }
  if (Object.prototype.toString.call(source) === '[object ArrayBuffer]') {
    return source as ArrayBuffer;
  }
  // A Response reads Blobs and web streams; other streams are iterated.
  const isWeb = typeof (source as Partial<ReadableStream>).getReader === 'function';
  if (isWeb || (typeof Blob !== 'undefined' && source instanceof Blob)) {
    return new Response(source as ReadableStream<Uint8Array>).arrayBuffer();
  }
  const pieces: BlobPart[] = [];
  for await (const piece of source as AsyncIterable<Uint8Array | string>) {
    pieces.push(piece as BlobPart);
  }
  return new Blob(pieces).arrayBuffer();
}

// postal-mime

/** A mailbox or group of postal-mime. */
export type PostalAddress = { name: string; address: string } | { name: string; group: { name: string; address: string }[] };

/** An attachment of postal-mime. */
export interface PostalAttachment {
  filename: string | null;
  mimeType: string;
  disposition: 'attachment' | 'inline' | null;
  related?: boolean;
  description?: string;
  contentId?: string;
  method?: string;
  content: ArrayBuffer | string;
  encoding?: 'base64' | 'utf8';
}

/** A message of postal-mime. */
export interface PostalEmail {
  headers: { key: string; originalKey: string; value: string }[];
  headerLines: { key: string; line: string }[];
  from?: PostalAddress;
  sender?: PostalAddress;
  replyTo?: PostalAddress[];
  deliveredTo?: string;
  returnPath?: string;
  to?: PostalAddress[];
  cc?: PostalAddress[];
  bcc?: PostalAddress[];
  subject?: string;
  messageId?: string;
  inReplyTo?: string;
  references?: string;
  date?: string;
  html?: string;
  text?: string;
  attachments: PostalAttachment[];
}

/** Options of `PostalMime` that have a meaning here. */
export interface PostalMimeOptions {
  attachmentEncoding?: 'arraybuffer' | 'base64' | 'utf8';
}

/** `PostalMime` over a parser. */
export interface PostalMimeClass {
  new (options?: PostalMimeOptions): { parse(source: MailSource): Promise<PostalEmail> };
  parse(source: MailSource, options?: PostalMimeOptions): Promise<PostalEmail>;
}

export function postalMimeOver(parse: Parse): PostalMimeClass {
  return class PostalMime {
    readonly #options: PostalMimeOptions;

    constructor(options: PostalMimeOptions = {}) {
      this.#options = options;
    }

    static parse(source: MailSource, options?: PostalMimeOptions): Promise<PostalEmail> {
      return new PostalMime(options).parse(source);
    }

    async parse(source: MailSource): Promise<PostalEmail> {
      return postalEmail(parse(await octets(source)), this.#options);
    }
  };
}

function postalEmail(message: Message, options: PostalMimeOptions): PostalEmail {
  const email: PostalEmail = {
    headers: Array.from(message.headers, (header) => ({
      key: header.name.toLowerCase(),
      originalKey: header.name,
      value: utf8.decode(header.raw).replace(/\r?\n(?=[ \t])/g, '').trim(),
    })),
    attachments: attachmentsOf(message).map((part) => postalAttachment(message, part, options)),
    headerLines: Array.from(message.headers, (header) => headerLine(header, unicode)).map(({ key, line }) => ({ key, line: newlines(line) })),
  };
  const set = <K extends keyof PostalEmail>(key: K, value: PostalEmail[K] | null | undefined): void => {
    if (value !== null && value !== undefined) {
      email[key] = value;
    }
  };
  const list = (name: string): PostalAddress[] | undefined => {
    const groups = message.headers.get(name)?.addressGroups;
    return groups?.flatMap((group) => emailAddresses(group) as PostalAddress[]);
  };
  const address = (name: string): string | undefined => message.headers.get(name)?.addresses[0]?.address;
  set('from', list('from')?.[0]);
  set('sender', list('sender')?.[0]);
  set('replyTo', list('reply-to'));
  set('deliveredTo', address('delivered-to'));
  set('returnPath', address('return-path'));
  set('to', list('to'));
  set('cc', list('cc'));
  set('bcc', list('bcc'));
  set('subject', message.subject);
  set('messageId', bracketed(message.messageId));
  set('inReplyTo', message.headers.get('in-reply-to')?.value);
  set('references', message.headers.get('references')?.value);
  set('date', message.date?.toISOString() ?? message.headers.get('date')?.value);
  set('html', message.html);
  const text = hasPlainText(message) || message.html === null ? message.text : null;
  set('text', text ? newlines(text) : null);
  return email;
}

function postalAttachment(message: Message, part: Part, options: PostalMimeOptions): PostalAttachment {
  const { disposition } = part;
  // Its own memory, whatever the content is a view of.
  const content = new Uint8Array(part.content);
  const attachment: PostalAttachment = {
    filename: part.filename,
    mimeType: part.contentType,
    disposition: disposition === 'attachment' || disposition === 'inline' ? disposition : null,
    content: content.buffer,
  };
  if (placeOf(message, part).parent?.contentType === 'multipart/related') {
    attachment.related = true;
  }
  const description = part.headers.get('content-description')?.value;
  if (description !== undefined) {
    attachment.description = description;
  }
  if (part.contentId !== null) {
    attachment.contentId = `<${part.contentId}>`;
  }
  if (part.contentType === 'text/calendar') {
    const method = structured(part.headers.get('content-type')?.value ?? '').params['method'];
    if (method !== undefined) {
      attachment.method = method.toUpperCase();
    }
  }
  if (options.attachmentEncoding === 'utf8') {
    attachment.content = utf8.decode(content);
    attachment.encoding = 'utf8';
  } else if (options.attachmentEncoding === 'base64') {
    attachment.content = base64(content);
    attachment.encoding = 'base64';
  }
  return attachment;
}

/** Base64 of octets; in pieces, since a call takes so many arguments and no more. */
function base64(content: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < content.length; at += 0x6000) {
    pieces.push(btoa(String.fromCharCode(...content.subarray(at, at + 0x6000))));
  }
  return pieces.join('');
}

