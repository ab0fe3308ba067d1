/** Mailboxes in files: mbox and Maildir. */

import { open, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { argument } from '../../bindings-wasm/ts/error.js';
import { type MboxOptions, type MboxReader, readMbox } from '../../bindings-wasm/ts/mbox.js';
import { type Message, parse } from '../../bindings-wasm/ts/message.js';

/** What one call reads: more is refused by some systems. */
const PIECE = 1 << 30;

/**
 * Reads an mbox file from disk into memory; its messages are looked for and made as they are asked for.
 *
 * @throws what opening and reading a file throws; and as `readMbox`.
 */
export async function openMbox(path: string | URL, options: MboxOptions = {}): Promise<MboxReader> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.allocUnsafeSlow(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await file.read(bytes, length, Math.min(PIECE, size - length), length);
      if (bytesRead === 0) {
        break;
      }
      length += bytesRead;
    }
    return readMbox(bytes.subarray(0, length), options);
  } finally {
    await file.close();
  }
}

/** The messages of a Maildir, those of `new` and of `cur`, in the order of their arrival. */
export class MaildirReader implements AsyncIterable<Message> {
  /** The files, in the order of the messages. */
  readonly paths: readonly string[];

  /** @internal */
  constructor(paths: readonly string[]) {
    this.paths = paths;
  }

  /** How many messages there are. */
  get length(): number {
    return this.paths.length;
  }

  /**
   * The message at a place; its file is read now.
   *
   * @throws what reading a file throws: `ENOENT` if it is gone or was renamed since.
   */
  async at(index: number): Promise<Message | undefined> {
    const path = this.paths.at(index);
    return path === undefined ? undefined : parse(await readFile(path));
  }

  /** The flags of a message as letters: `S` seen, `R` answered, `F` flagged, `T` trashed, `D` draft, `P` passed on. */
  flags(index: number): Set<string> {
    return new Set(/:2,(.*)$/.exec(this.paths.at(index) ?? '')?.[1] ?? '');
  }

  /** The messages in order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    for (const path of this.paths) {
      yield parse(await readFile(path));
    }
  }
}

/**
 * Reads a Maildir as a sequence of messages.
 *
 * @throws `ENOENT` where there is no folder with `new` and `cur`.
 */
export async function openMaildir(path: string | URL): Promise<MaildirReader> {
  if (typeof path !== 'string' && !(path instanceof URL)) {
    throw argument('a Maildir is named by a string or a URL');
  }
  const folder = typeof path === 'string' ? path : fileURLToPath(path);
  const found: { time: number; name: string; path: string }[] = [];
  for (const place of ['new', 'cur']) {
    for (const name of await readdir(join(folder, place))) {
      if (!name.startsWith('.')) {
        found.push({ time: Number(/^\d+(?=\.)/.exec(name)?.[0] ?? 0), name, path: join(folder, place, name) });
      }
    }
  }
  found.sort((one, other) => one.time - other.time || (one.name < other.name ? -1 : 1));
  return new MaildirReader(found.map((one) => one.path));
}
