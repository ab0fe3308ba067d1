/** The state of a mailbox in a file. */

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Pop3Error } from '../../bindings-wasm/ts/error.js';
import {
  SyncState as AnySyncState,
  type StoredState,
  type SyncStateOptions,
  type SyncStore,
} from '../../bindings-wasm/ts/sync.js';
import { SyncFile } from './native.js';

/**
 * What is known of the messages of one mailbox, in a file or in a store of the caller's.
 *
 * A file is for one mailbox, and for one run at a time: it is locked until `close`. Beside it stands a
 * journal, named the same with `.journal` added; the Python package reads and writes the same files.
 * Open it before the mailbox, and close it after that, since `quit` notes what was deleted.
 */
export class SyncState extends AnySyncState {
  /**
   * Reads the state of a mailbox, or begins a new one.
   *
   * @param place The file, which is made if there is none, or a store.
   * @throws `Pop3Error` with the code `POP3_ERR_USAGE_STATE` if another run is using it, with
   * `POP3_ERR_USAGE_ARGUMENT` if it is damaged, of another version or of another mailbox; and `Error`
   * if it cannot be read.
   */
  static override async open(place: string | URL | SyncStore, options?: SyncStateOptions): Promise<SyncState> {
    const isFile = typeof place === 'string' || place instanceof URL;
    return super.open(isFile ? new FileStore(place) : place, options);
  }
}

/** A state on the disk. */
class FileStore implements SyncStore {
  readonly name: string;
  readonly #file: SyncFile;

  constructor(place: string | URL) {
    this.name = place instanceof URL ? fileURLToPath(place) : place;
    try {
      this.#file = SyncFile.open(resolve(this.name));
    } catch (error) {
      if (String(error).includes('EWOULDBLOCK')) {
        throw new Pop3Error('POP3_ERR_USAGE_STATE', `another run is using ${this.name}: wait until it has ended`);
      }
      throw error;
    }
  }

  read(): StoredState | undefined {
    const [snapshot, journal] = this.#file.read() ?? [];
    return snapshot === undefined ? undefined : { snapshot, journal };
  }

  replace(snapshot: string): Promise<void> {
    return this.#file.replace(snapshot);
  }

  append(line: string): Promise<void> {
    return this.#file.append(line);
  }

  close(): void {
    this.#file.close();
  }
}
