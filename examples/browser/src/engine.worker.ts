/**
 * The worker: reads files and mailboxes, keeps the messages, parses them. The page asks for what it
 * shows (`api.ts`), so a large message never holds it up.
 *
 * What is kept of a message is a `Blob` (of a file: no memory at all) and its line in the list; the
 * message that is open is parsed again when it is opened.
 */

import { expose, transfer } from 'comlink';
import { parse, Pop3, Pop3Error, type Message, type Part } from 'popmail-wasm';
import init from 'popmail-wasm/extra';
import type {
  Cut,
  Detail,
  Engine,
  FetchProgress,
  Incoming,
  Listener,
  Mailbox,
  PartInfo,
  Person,
  Summary,
} from './api.ts';
import { looksLikeMbox, MboxScanner, unquote } from './mbox.ts';
import { Rows } from './rows.ts';
import { openWebSocket } from './websocket.ts';

const MAX_MESSAGE_BYTES = 1024 ** 3;
/** What a page shows of a text at once. */
const MAX_TEXT = 300_000;
const MAX_HTML = 1_000_000;
const MAX_IMAGE_BYTES = 16 * 1024 ** 2;
/** Lines of the list that go to the page together. */
const BATCH_MS = 60;

interface Entry {
  readonly blob: Blob;
  readonly quoted: boolean;
}

interface Opened {
  readonly id: number;
  readonly message: Message;
  readonly parts: readonly Part[];
  readonly rows: Rows;
}

const entries = new Map<number, Entry>();
let nextId = 1;
let opened: Opened | undefined;
let fetching: AbortController | undefined;

const engine: Engine = {
  async add(files, listener) {
    await init();
    const list = new Batches(listener);
    let count = 0;
    for (const incoming of files) {
      try {
        count += await addFile(incoming, list);
      } catch (error) {
        list.problem(`${incoming.path} cannot be read`, reason(error));
      }
    }
    list.flush();
    return count;
  },

  async open(id) {
    await init();
    return describe(await openMessage(id));
  },

  async text(id, start, end) {
    return ((await openMessage(id)).message.text ?? '').slice(start, end);
  },

  async html(id) {
    return (await openMessage(id)).message.html ?? '';
  },

  async content(id, part) {
    const content = copy(await partOf(id, part));
    return transfer(content, [content.buffer]);
  },

  async imageUrl(id, index) {
    const part = await partOf(id, index);
    if (!/^image\/[\w.+-]+$/.test(part.contentType) || part.size > MAX_IMAGE_BYTES) return null;
    return await dataUrl(new Blob([copy(part)], { type: part.contentType }));
  },

  async rows(id, start, end) {
    return (await openMessage(id)).rows.slice(start, end);
  },

  async rowsOf(id, range) {
    return (await openMessage(id)).rows.of(range);
  },

  async fetchMail(mailbox, listener, progress) {
    await init();
    fetching?.abort();
    const controller = (fetching = new AbortController());
    const list = new Batches(listener);
    try {
      return await fetchAll(mailbox, controller.signal, list, progress);
    } catch (error) {
      if (controller.signal.aborted) return null;
      throw new Error(reason(error));
    } finally {
      list.flush();
      if (fetching === controller) fetching = undefined;
    }
  },

  cancelFetch() {
    fetching?.abort();
  },

  clear() {
    entries.clear();
    opened = undefined;
  },
};

expose(engine);

/** Adds the message of a file, or the messages of an mbox. Returns how many. */
async function addFile({ file, path }: Incoming, list: Batches): Promise<number> {
  if (file.size === 0) {
    list.problem(`${path} is empty`, 'There is nothing in this file.');
    return 0;
  }
  if (looksLikeMbox(await bytesOf(file.slice(0, 5)))) return await addMbox(file, path, list);
  return addMessage(path, { blob: file, quoted: false }, await bytesOfMessage(file), list);
}

async function addMbox(file: File, path: string, list: Batches): Promise<number> {
  const scanner = new MboxScanner();
  let count = 0;
  let found = 0;
  const add = async (ranges: ReturnType<MboxScanner['push']>) => {
    for (const { start, end } of ranges) {
      found++;
      const entry = { blob: file.slice(start, end), quoted: true };
      if (end > start) count += addMessage(`${path} #${found}`, entry, await bytesOfEntry(entry), list);
    }
  };
  for await (const piece of piecesOf(file)) await add(scanner.push(piece));
  await add(scanner.finish());
  if (count === 0) list.problem(`${path} holds no message`, 'It begins like an mbox file, but no message follows.');
  return count;
}

function addMessage(origin: string, entry: Entry, bytes: Uint8Array, list: Batches): number {
  const message = parse(bytes);
  if (message.headers.length === 0) {
    list.problem(
      `${origin} is not a mail message`,
      'It has no header fields such as “From:” and “Subject:”. Expected an .eml file, an mbox file, or a folder of them.',
    );
    return 0;
  }
  const id = nextId++;
  entries.set(id, entry);
  list.add({
    id,
    origin,
    subject: message.subject ?? '',
    from: message.from.map(({ name, address }) => name ?? address).join(', '),
    date: message.date?.getTime() ?? null,
    preview: message.preview,
    size: bytes.length,
    attachments: message.attachments.length,
  });
  return 1;
}

async function fetchAll(
  { bridge, user, password, auth, allowCleartext }: Mailbox,
  signal: AbortSignal,
  list: Batches,
  report: (progress: FetchProgress) => void,
): Promise<number> {
  let progress: FetchProgress = { phase: 'connecting', messages: 0, totalMessages: 0, octets: 0, totalOctets: 0 };
  report(progress);
  const transport = await openWebSocket(bridge, signal);
  const box = await Pop3.connect({ transport, tls: 'none', user, password, auth, allowCleartext, signal });
  const { count, octets } = await box.stat();
  progress = { ...progress, phase: 'fetching', totalMessages: count, totalOctets: octets };
  report(progress);
  for await (const mail of box) {
    const raw = mail.raw;
    const blob = new Blob([raw as Uint8Array<ArrayBuffer>]);
    addMessage(`${user}, message ${mail.number}`, { blob, quoted: false }, raw, list);
    progress = { ...progress, messages: progress.messages + 1, octets: progress.octets + raw.length };
    report(progress);
  }
  await box.quit();
  return progress.messages;
}

async function openMessage(id: number): Promise<Opened> {
  if (opened?.id === id) return opened;
  const entry = entries.get(id);
  if (!entry) throw new Error('this message is no longer in the list');
  const bytes = await bytesOfEntry(entry);
  const message = parse(bytes);
  opened = { id, message, parts: message.parts, rows: new Rows(bytes) };
  return opened;
}

async function partOf(id: number, index: number): Promise<Part> {
  const part = (await openMessage(id)).parts[index];
  if (!part) throw new RangeError(`part ${index} is not in this message`);
  return part;
}

/** A message as plain data. */
function describe({ id, message, parts, rows }: Opened): Detail {
  return {
    id,
    subject: message.subject,
    from: people(message, 'from'),
    to: people(message, 'to'),
    cc: people(message, 'cc'),
    replyTo: people(message, 'reply-to'),
    date: message.date?.getTime() ?? null,
    size: message.raw.length,
    text: cut(message.text, MAX_TEXT),
    html: cut(message.html, MAX_HTML),
    headers: Array.from(message.headers, ({ name, value }) => ({ name, value })),
    parts: describeParts(message, parts),
    defects: message.defects.map(({ code, severity, part, range }) => ({ code, severity, part, range })),
    rows: rows.count,
  };
}

/** The parts in document order, each with the index of the part that holds it. */
function describeParts(message: Message, parts: readonly Part[]): PartInfo[] {
  // Not those of a message inside this one.
  const attachments = new Set(message.attachments.map((part) => part.index));
  const parents = new Map<number, number>();
  parts.forEach((part, index) => {
    for (const child of part.message ? [part.message.root] : part.children) parents.set(child.index, index);
  });
  return parts.map((part) => ({
    parent: parents.get(part.index) ?? null,
    contentType: part.contentType,
    charset: part.charset,
    disposition: part.disposition,
    filename: part.filename,
    safeFilename: part.safeFilename,
    contentId: part.contentId,
    size: part.isMultipart ? 0 : part.size,
    container: part.isMultipart,
    role: attachments.has(part.index) ? 'attachment' : part.isInline ? 'inline' : null,
    range: part.range,
  }));
}

/** The addresses of a field, those of a group together. */
function people(message: Message, field: string): Person[] {
  const groups = message.headers.get(field)?.addressGroups ?? [];
  return groups.flatMap(({ name, addresses }): Person[] => {
    const members = addresses.map((member) => ({ name: member.name, address: member.address || null }));
    return name === null ? members : [{ name, address: null, members }];
  });
}

function cut(text: string | null, length: number): Cut | null {
  return text === null ? null : { text: text.slice(0, length), length: text.length };
}

/** The content of a part in memory of its own, which can be given away. */
function copy(part: Part): Uint8Array<ArrayBuffer> {
  return new Uint8Array(part.content);
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

async function bytesOfMessage(blob: Blob): Promise<Uint8Array> {
  if (blob.size > MAX_MESSAGE_BYTES) throw new Error('one message of more than 1 GiB is more than this page opens');
  return await bytesOf(blob);
}

async function bytesOfEntry({ blob, quoted }: Entry): Promise<Uint8Array> {
  const bytes = await bytesOfMessage(blob);
  return quoted ? unquote(bytes) : bytes;
}

async function* piecesOf(blob: Blob): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** An error in words, popmail's with their code. */
function reason(error: unknown): string {
  if (error instanceof Pop3Error) return `${error.message} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}

/** Hands the list over in batches: thousands of small messages are parsed in a moment. */
class Batches {
  readonly #listener: Listener;
  #waiting: Summary[] = [];
  #since = 0;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  add(summary: Summary): void {
    if (this.#waiting.length === 0) this.#since = performance.now();
    this.#waiting.push(summary);
    if (performance.now() - this.#since > BATCH_MS) this.flush();
  }

  problem(title: string, detail: string): void {
    this.#listener.problem({ title, detail });
  }

  flush(): void {
    if (this.#waiting.length > 0) this.#listener.added(this.#waiting);
    this.#waiting = [];
  }
}
