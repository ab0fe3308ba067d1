/** The native module, typed as the face sees it. */

import type { ClientConfig, ClientEngine as Client, MemoryStore as Memory, ServerConfig, ServerEngine as Server, MaildropEntry } from '../../bindings-wasm/ts/engine-pop3.js';
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

interface Native {
  ClientEngine: new (config: ClientConfig) => Client;
  ServerEngine: new (config: ServerConfig) => Server;
  MemoryStore: new () => Memory;
  MaildirStore: new (path: string) => MaildirStore;
  apopDigest(greeting: Uint8Array, secret: Uint8Array): string | null;
}

export const { ClientEngine, ServerEngine, MemoryStore, MaildirStore, apopDigest } = native as Native;
