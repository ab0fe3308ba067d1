/** The native module, typed as the face sees it. */

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import type { ExtraEngine } from '../../bindings-wasm/ts/engine-extra.js';
import type { MimeEngine } from '../../bindings-wasm/ts/engine-mime.js';
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
import { Pop3Error } from '../../bindings-wasm/ts/error.js';
// @ts-expect-error The loader is generated; its shape is stated here.
import native from '../native.cjs';

/** A message of a folder that is being read, in Node's thread pool. */
export interface ContentReader {
  /** Up to `size` octets; none at the end. */
  read(size: number): Promise<Uint8Array>;
}

/** A folder with `new` and `cur`; its files are touched in Node's thread pool. */
export interface MaildirStore {
  refresh(): Promise<void>;
  entries(): MaildropEntry[];
  open(number: number): ContentReader;
  commit(deleted: number[]): Promise<void>;
}

/** The MIME functions, with the decoding of content into memory that JavaScript makes. */
interface NativeMime extends Omit<MimeEngine, 'content' | 'view'> {
  /** Octets that were written to the start of `out`; -1 if it is too small. */
  contentInto(source: Uint8Array, start: number, end: number, encoding: number, out: Uint8Array): number;
  /** A guess at `contentSize` that reads next to nothing. */
  contentSizeHint(source: Uint8Array, start: number, end: number, encoding: number): number;
  view(raw: Uint8Array, message: number, what: number): Maybe<string>;
}

interface Native extends NativeMime {
  Composer: ExtraEngine['Composer'];
  ClientEngine: new (config: ClientConfig) => Client;
  ServerEngine: new (config: ServerConfig) => Server;
  MemoryStore: new () => Memory;
  scramKeys: ServerPlatform['scramKeys'];
  MaildirStore: new (path: string) => MaildirStore;
  apopDigest(greeting: Uint8Array, secret: Uint8Array): Maybe<string>;
}

const module: Native = native;

export const { ClientEngine, ServerEngine, MemoryStore, MaildirStore, scramKeys, apopDigest } = module;

/** The MIME functions as the face takes them. */
export const mimeEngine: MimeEngine = {
  ...module,
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
  view: (raw, message, what) => module.view(raw, message, what) ?? undefined,
};

/** What only some programs need, as the face takes it. */
export const extraEngine: ExtraEngine = { Composer: module.Composer, readFile, readFileSync };
