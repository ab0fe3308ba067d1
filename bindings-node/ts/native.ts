/** The native module, typed as the face sees it. */

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import type { MessageIndex, MimeEngine } from '../../bindings-wasm/ts/engine-mime.js';
import type {
  ClientConfig,
  ClientEngine as Client,
  MaildropEntry,
  Maybe,
  MemoryStore as Memory,
  ServerConfig,
  ServerEngine as Server,
  ServerPlatform,
} from '../../bindings-wasm/ts/engine-pop3.js';
import type { SyncPlatform } from '../../bindings-wasm/ts/engine-sync.js';
import type { ToolsEngine } from '../../bindings-wasm/ts/engine-tools.js';
import { Pop3Error } from '../../bindings-wasm/ts/error.js';
// @ts-expect-error The loader is generated; its shape is stated here.
import native from '../native.cjs';

/** A message of a folder that is being read, in Node's thread pool. */
export interface ContentReader {
  /** Up to `size` octets; none at the end. */
  read(size: number): Promise<Uint8Array>;
}

/** A Maildir or an mbox file, which is touched in Node's thread pool. */
export interface FileStore {
  refresh(): Promise<void>;
  entries(): MaildropEntry[];
  open(number: number): ContentReader;
  commit(deleted: number[]): Promise<void>;
  release(): void;
}

/** A state on the disk, held from `open` to `close`; its files are written in Node's thread pool. */
export interface SyncFile {
  /** The snapshot and the journal; absent if there is no snapshot. */
  read(): Maybe<[snapshot: string, journal: string]>;
  replace(snapshot: string): Promise<void>;
  append(line: string): Promise<void>;
  close(): void;
}

/** A text, or the pieces of a long one. */
type Text = string | readonly string[];

/** The text; V8 joins pieces without copying them, until the text is looked into. */
function whole(text: Maybe<Text>): string | undefined {
  return typeof text === 'object' ? text?.reduce((before, piece) => before + piece, '') : text;
}

/** The MIME functions, with the decoding of content into memory that JavaScript makes. */
interface NativeMime extends Omit<MimeEngine, 'content' | 'index' | 'text' | 'view' | 'views'> {
  index(raw: Uint8Array): MessageIndex;
  indexWith(raw: Uint8Array, options: Uint32Array): MessageIndex;
  text(...given: Parameters<MimeEngine['text']>): Maybe<Text>;
  viewWith(raw: Uint8Array, message: number, what: number, options: Uint32Array): Maybe<Text>;
  viewsWith(raw: Uint8Array, first: number, count: number, what: number, options: Uint32Array): string;
  /** Octets that were written to the start of `out`; -1 if it is too small. */
  contentInto(source: Uint8Array, start: number, end: number, encoding: number, out: Uint8Array): number;
  /** A guess at `contentSize` that reads next to nothing. */
  contentSizeHint(source: Uint8Array, start: number, end: number, encoding: number): number;
  /** Writes how many words an index has, then the words, to `out` from word `at` on. Returns its text; absent if there is no room. */
  indexInto(raw: Uint8Array, out: Uint8Array, at: number): Maybe<string>;
  view(raw: Uint8Array, message: number, what: number): Maybe<Text>;
}

/** A mapped mbox file. */
interface MboxFile {
  scan(format: string, from: number, most: number): number[];
  slice(start: number, end: number): Uint8Array;
}

interface Native extends NativeMime, SyncPlatform {
  Composer: ToolsEngine['Composer'];
  Scanner: ToolsEngine['Scanner'];
  embeddedFiles: ToolsEngine['embeddedFiles'];
  readTnef: ToolsEngine['readTnef'];
  /** A safe file name with a number before its extension. */
  numberedFilename(name: string, number: number): string;
  joinPartial: ToolsEngine['joinPartial'];
  scanMbox(file: Uint8Array, format: string, from: number, most: number): number[];
  unquote: ToolsEngine['unquote'];
  ClientEngine: new (config: ClientConfig) => Client;
  ServerEngine: new (config: ServerConfig) => Server;
  MemoryStore: new () => Memory;
  scramKeys: ServerPlatform['scramKeys'];
  FileStore: { maildir(path: string): FileStore; mbox(path: string, readOnly: boolean): FileStore };
  SyncFile: { open(path: string): SyncFile };
  MboxFile: { open(path: string): Promise<MboxFile> };
  apopDigest(greeting: Uint8Array, secret: Uint8Array): Maybe<string>;
  /** The data of the channel binding `tls-server-end-point`, from a certificate in DER. */
  serverEndPoint(certificate: Uint8Array): Maybe<Uint8Array>;
  /** May a TLS connection be used for which the server chose this protocol? */
  acceptsAlpn(selected?: string): boolean;
  /** The name of POP3 in the TLS handshake (RFC 7301). */
  ALPN_PROTOCOL: string;
}

const module: Native = native;

export const { ClientEngine, ServerEngine, MemoryStore, FileStore, MboxFile, SyncFile, apopDigest, scramKeys } = module;
export const { numberedFilename } = module;
export const { ALPN_PROTOCOL, acceptsAlpn, serverEndPoint } = module;
export const { SyncPlanner, syncFingerprint, syncReceipts, syncWithoutUid } = module;

/**
 * Words for indexes, cut off one behind the other as Node does with small buffers: an array for each
 * message would cost more than parsing it.
 */
class Pool {
  static readonly WORDS = 1 << 13;
  readonly #words = new Uint32Array(Pool.WORDS);
  readonly #bytes = Buffer.from(this.#words.buffer);
  #used = 0;

  index(raw: Uint8Array): MessageIndex | undefined {
    const text = module.indexInto(raw, this.#bytes, this.#used) ?? undefined;
    if (text === undefined) {
      return undefined;
    }
    const start = this.#used + 1;
    this.#used = start + (this.#words[this.#used] as number);
    return { words: this.#words.subarray(start, this.#used), text };
  }
}

let pool = new Pool();

const NO_OPTIONS = new Uint32Array();

/** The MIME functions as the face takes them. */
export const mimeEngine: MimeEngine = {
  ...module,
  index(raw, options) {
    if (options !== undefined) {
      return module.indexWith(raw, options);
    }
    const pooled = pool.index(raw);
    if (pooled !== undefined) {
      return pooled;
    }
    const own = module.index(raw);
    if (own.words.length < Pool.WORDS / 4) {
      pool = new Pool();
    }
    return own;
  },
  content(source, start, end, encoding) {
    for (const size of [module.contentSizeHint, module.contentSize]) {
      const out = Buffer.allocUnsafeSlow(size(source, start, end, encoding));
      const count = module.contentInto(source, start, end, encoding, out);
      if (count >= 0) {
        return count === out.length ? out : out.subarray(0, count);
      }
    }
    throw new Pop3Error('POP3_ERR_INTERNAL', 'a body is larger than its size');
  },
  views: (raw, first, count, what, options = NO_OPTIONS) => module.viewsWith(raw, first, count, what, options),
  view: (raw, message, what, options) =>
    whole(options === undefined ? module.view(raw, message, what) : module.viewWith(raw, message, what, options)),
  text: (...given) => whole(module.text(...given)) ?? '',
};

/** What only some programs need, as the face takes it. */
export const toolsEngine: ToolsEngine = {
  Composer: module.Composer,
  Scanner: module.Scanner,
  embeddedFiles: module.embeddedFiles,
  readTnef: module.readTnef,
  joinPartial: module.joinPartial,
  scanMbox: (file, format, from, most) => Float64Array.from(module.scanMbox(file, format, from, most)),
  unquote: module.unquote,
  scanAtOnce: 256,
  readFile,
  readFileSync,
};
