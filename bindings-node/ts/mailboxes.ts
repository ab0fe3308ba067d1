/** Mailboxes in files: mbox and Maildir. */

import { open, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { argument } from '../../bindings-wasm/ts/error.js';
import { type MboxOptions, MboxReader, type MboxSource } from '../../bindings-wasm/ts/mbox.js';
import { type Message, parse } from '../../bindings-wasm/ts/message.js';
import { MboxFile } from './native.js';

/**
 * Opens an mbox file as a sequence of messages. The file is mapped into memory and nothing of it is read before it is
 * asked for: it may be larger than memory, but must not be cut while the reader is in use.
 *
 * @throws what opening a file throws; and as `readMbox`.
 */
export async function openMbox(path: string | URL, options: MboxOptions = {}): Promise<MboxReader> {
  // What cannot be opened is told as Node tells it.
  await (await open(path)).close();
  const file = await MboxFile.open(typeof path === 'string' ? path : fileURLToPath(path));
  const source: MboxSource = {
    scan: (format, from, most) => Float64Array.from(file.scan(format, from, most)),
    slice: (start, end) => file.slice(start, end),
  };
  return new MboxReader(source, options.format ?? 'auto');
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
