/** Contents in order, asked for ahead of their reader with a bounded number of octets under way. */

import { type Dialogue, isRefusal } from './dialogue.js';
import type { Prefetch } from './engine-pop3.js';
import { type Pop3Error, calling } from './error.js';

/** A message to ask for, and about how many octets it will bring. */
export interface Wanted {
  number: number;
  octets: number;
}

/** A content, or the server's refusal. */
export type Answer =
  | { number: number; content: Uint8Array; refusal?: undefined }
  | { number: number; content?: undefined; refusal: Pop3Error };

/** Call `next` until it gives `undefined`, and `stop` at the end in any case. */
export class Ahead {
  readonly #dialogue: Dialogue;
  readonly #prefetch: Prefetch;
  readonly #ask: (number: number) => number;
  readonly #asked: { handle: number; number: number }[] = [];

  /** `ask` sends the command for a number and gives its handle. */
  constructor(dialogue: Dialogue, wanted: readonly Wanted[], ask: (number: number) => number) {
    this.#dialogue = dialogue;
    this.#ask = ask;
    this.#prefetch = dialogue.engine.prefetch(
      Uint32Array.from(wanted, ({ number }) => number),
      Float64Array.from(wanted, ({ octets }) => octets),
    );
  }

  /** True if something was asked for that was not handed out. */
  get isWaiting(): boolean {
    return this.#asked.length > 0;
  }

  /** The next content, `undefined` after the last. */
  async next(): Promise<Answer | undefined> {
    const { connection } = this.#dialogue;
    // What came whole is handed out before the end of the connection is told.
    if (!connection.isOver || !this.isWaiting) {
      let number: number | undefined;
      while ((number = this.#prefetch.ask() ?? undefined) !== undefined) {
        connection.checkOpen();
        const next = number;
        this.#asked.push({ handle: calling(() => this.#ask(next)), number });
      }
    }
    const next = this.#asked.shift();
    if (next === undefined) {
      return undefined;
    }
    const { number, handle } = next;
    const answer = await this.#answer(number, handle);
    this.#prefetch.handedOut();
    this.#dialogue.checkMarks();
    return answer;
  }

  async #answer(number: number, handle: number): Promise<Answer> {
    try {
      const { content } = await this.#dialogue.outcome('contentFinished', handle);
      return { number, content };
    } catch (error) {
      if (isRefusal(error)) {
        return { number, refusal: error };
      }
      throw error;
    }
  }

  /** The reader wants no more: what is under way arrives and is let go. */
  stop(): void {
    for (const { handle } of this.#asked.splice(0)) {
      this.#dialogue.connection.forget(handle);
    }
  }
}

/** What a header is taken to bring. Some servers send the whole message. */
export const HEADER_OCTETS = 4_096;
