/**
 * What every command of a session does: it is asked of the engine, its result is waited for, and the
 * marks that were set in passing are looked at.
 */

import type { Connection, Result } from './connection.js';
import type { ClientEngine } from './engine-pop3.js';
import { Pop3Error, calling, fromEngine } from './error.js';

/** What every command takes. */
export interface CommandOptions {
  /** Closes the connection when it is aborted: a command under way cannot be taken back. */
  signal?: AbortSignal | undefined;
}

/** The result of this type. */
export type ResultOf<Type> = Extract<Result, { type: Type }>;

/** LIST and UIDL, one item for each line in the server's order; no uids if the server has no UIDL. */
export interface Listing {
  numbers: Uint32Array;
  sizes: Float64Array;
  uidNumbers: Uint32Array;
  uids: string[];
}

/** One session's commands. */
export class Dialogue {
  readonly connection: Connection;
  readonly engine: ClientEngine;
  /** The name of the mailbox in a saved state. */
  readonly mailbox: string;
  /** What is to be done when QUIT was answered `+OK`. */
  readonly afterQuit: (() => Promise<void>)[] = [];
  /** Marks whose answers nobody has looked at. */
  readonly #marks: number[] = [];

  constructor(connection: Connection, mailbox: string) {
    this.connection = connection;
    this.engine = connection.engine;
    this.mailbox = mailbox;
  }

  /** Gives a command and waits for its result. */
  async run<Type extends Result['type']>(
    type: Type,
    options: CommandOptions | undefined,
    command: () => number,
  ): Promise<ResultOf<Type>> {
    this.connection.checkOpen();
    const release = this.connection.follow(options?.signal);
    try {
      return await this.result(type, calling(command));
    } finally {
      release();
    }
  }

  /** Waits for the result of a command, and looks at the marks. */
  async result<Type extends Result['type']>(type: Type, handle: number): Promise<ResultOf<Type>> {
    const result = await this.outcome(type, handle);
    this.checkMarks();
    return result;
  }

  /** Waits for the result of a command alone; rejects if it was refused. */
  async outcome<Type extends Result['type']>(type: Type, handle: number): Promise<ResultOf<Type>> {
    const result = await this.connection.result(handle);
    if (result.type !== type) {
      throw new Pop3Error('POP3_ERR_INTERNAL', `expected ${type}, got ${result.type}`);
    }
    return result as ResultOf<Type>;
  }

  /** DELE, whose answer is looked at in passing. */
  deleteLater(number: number): void {
    this.connection.checkOpen();
    this.#marks.push(calling(() => this.engine.dele(number)));
  }

  /** Throws the first refusal among the marks that are answered. */
  checkMarks(): void {
    let first: number | undefined;
    while ((first = this.#marks[0]) !== undefined) {
      const marked = this.connection.taken(first);
      if (marked === undefined) {
        break;
      }
      this.#marks.shift();
      if (marked.type === 'commandFailed') {
        throw fromEngine(marked.error);
      }
    }
  }

  /** Waits for the marks, then ends the session. */
  async quit(): Promise<void> {
    while (this.#marks.length > 0) {
      await this.connection.result(this.#marks.shift() as number);
    }
    await this.connection.result(calling(() => this.engine.quit()));
  }

  /** Sizes and uids, asked for at once. */
  async listing(): Promise<Listing> {
    const [list, uidl] = calling(() => [this.engine.list(), this.engine.uidl()] as const);
    let listed: ResultOf<'listReceived'>;
    try {
      listed = await this.result('listReceived', list);
    } catch (error) {
      this.connection.forget(uidl);
      throw error;
    }
    const { numbers, sizes } = listed;
    try {
      const named = await this.result('uidlReceived', uidl);
      return { numbers, sizes, uidNumbers: named.numbers, uids: uidsOf(named) };
    } catch (error) {
      if (isRefusal(error)) {
        return { numbers, sizes, uidNumbers: new Uint32Array(), uids: [] };
      }
      throw error;
    }
  }
}

/** The server said no, and the session goes on. */
export function isRefusal(error: unknown): error is Pop3Error {
  return error instanceof Pop3Error && error.code === 'POP3_ERR_COMMAND';
}

/** Sizes by message number; of two lines with one number the first counts. */
export function sizesByNumber({ numbers, sizes }: Pick<Listing, 'numbers' | 'sizes'>): Map<number, number> {
  return byNumber(numbers, (at) => sizes[at] as number);
}

/** Uids by message number; of two lines with one number the first counts. */
export function uidsByNumber({ uidNumbers, uids }: Listing): Map<number, string> {
  return byNumber(uidNumbers, (at) => uids[at] as string);
}

/** The uids of a result, one for each of its numbers. */
export function uidsOf({ ends, uids }: ResultOf<'uidlReceived'>): string[] {
  return Array.from(ends, (end, at) => uids.slice(ends[at - 1] ?? 0, end));
}

function byNumber<Value>(numbers: Uint32Array, valueAt: (at: number) => Value): Map<number, Value> {
  const found = new Map<number, Value>();
  numbers.forEach((number, at) => {
    if (!found.has(number)) {
      found.set(number, valueAt(at));
    }
  });
  return found;
}
