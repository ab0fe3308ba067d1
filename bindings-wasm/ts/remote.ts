/** Messages of a mailbox: fetched whole, or their headers alone. */

import { Ahead, HEADER_OCTETS } from './ahead.js';
import { type CommandOptions, type Dialogue, sizesByNumber, uidsByNumber } from './dialogue.js';
import { platform } from './engine-pop3.js';
import type { Address, Headers, Message } from './message.js';

/** A message of a mailbox, fetched. */
export class RemoteMessage {
  /** The message number, 1 or more, in this session. */
  readonly number: number;
  /** The unique id; `undefined` if the server has none. */
  readonly uid: string | undefined;
  /** The size as the server lists it; `undefined` if it does not. */
  readonly octets: number | undefined;
  /** The message, byte for byte as the server sent it. */
  readonly raw: Uint8Array;
  readonly #dialogue: Dialogue;
  #message: Message | undefined;

  /** @internal */
  constructor(
    dialogue: Dialogue,
    number: number,
    uid: string | undefined,
    octets: number | undefined,
    raw: Uint8Array,
  ) {
    this.#dialogue = dialogue;
    this.number = number;
    this.uid = uid;
    this.octets = octets;
    this.raw = raw;
  }

  /** The decoded message. */
  get message(): Message {
    return (this.#message ??= platform().parse(this.raw));
  }

  /** What its header says, in the shape that `summaries` gives. */
  summary(): Summary {
    return summaryOf(this.message, this.number, this.uid, this.octets);
  }

  /**
   * Marks the message; it goes when the session ends with `quit`.
   *
   * The command joins those under way: a refusal is thrown by a later command, at the latest by
   * `quit`, and then nothing is deleted.
   */
  delete(): void {
    this.#dialogue.deleteLater(this.number);
  }
}

/** What a message is, from its header alone. */
export interface Summary {
  /** The message number, 1 or more, in this session. */
  readonly number: number;
  /** The unique id; `undefined` if the server has none. */
  readonly uid: string | undefined;
  /** The size as the server lists it; `undefined` if it does not. */
  readonly octets: number | undefined;
  /** The subject, decoded. */
  readonly subject: string | null;
  /** The authors. */
  readonly from: Address[];
  /** The primary recipients. */
  readonly to: Address[];
  /** When it was written. */
  readonly date: Date | null;
  /** Its identifier, without angle brackets. */
  readonly messageId: string | null;
  /** Every header field. */
  readonly headers: Headers;
}

/** What `summaries` takes. */
export interface SummaryOptions extends CommandOptions {
  /** Fetches the whole message where the server refuses TOP. */
  retr?: boolean | undefined;
}

/** The messages of these numbers, or all of them, in order. */
export async function* fetchAll(
  dialogue: Dialogue,
  numbers: readonly number[] | undefined,
  options: CommandOptions | undefined,
): AsyncGenerator<RemoteMessage, void, undefined> {
  const { connection, engine } = dialogue;
  connection.checkOpen();
  const release = connection.follow(options?.signal);
  let contents: Ahead | undefined;
  try {
    const listing = await dialogue.listing();
    const [sizes, uids] = [sizesByNumber(listing), uidsByNumber(listing)];
    const wanted = (numbers ?? [...sizes.keys()]).map((number) => ({ number, octets: sizes.get(number) ?? 0 }));
    contents = new Ahead(dialogue, wanted, (number) => engine.retr(number, false));
    for (let answer = await contents.next(); answer !== undefined; answer = await contents.next()) {
      if (answer.refusal !== undefined) {
        throw answer.refusal;
      }
      const { number, content } = answer;
      yield new RemoteMessage(dialogue, number, uids.get(number), sizes.get(number), content);
    }
  } finally {
    release();
    contents?.stop();
  }
}

/** The headers of these messages, or of all of them, in order. */
export async function* summarize(
  dialogue: Dialogue,
  numbers: readonly number[] | undefined,
  options: SummaryOptions | undefined,
): AsyncGenerator<Summary, void, undefined> {
  const { connection, engine } = dialogue;
  connection.checkOpen();
  const release = connection.follow(options?.signal);
  let tops: Ahead | undefined;
  try {
    const listing = await dialogue.listing();
    const [sizes, uids] = [sizesByNumber(listing), uidsByNumber(listing)];
    const wanted = (numbers ?? [...sizes.keys()]).map((number) => ({ number, octets: HEADER_OCTETS }));
    tops = new Ahead(dialogue, wanted, (number) => engine.top(number, 0, false));
    for (let answer = await tops.next(); answer !== undefined; answer = await tops.next()) {
      const { number, refusal } = answer;
      if (refusal !== undefined && options?.retr !== true) {
        throw refusal;
      }
      const content =
        answer.content ??
        (await dialogue.run('contentFinished', undefined, () => engine.retr(number, false))).content;
      yield summaryOf(platform().parse(content), number, uids.get(number), sizes.get(number));
    }
  } finally {
    release();
    tops?.stop();
  }
}

function summaryOf(
  message: Message,
  number: number,
  uid: string | undefined,
  octets: number | undefined,
): Summary {
  const { subject, from, to, date, messageId, headers } = message;
  return { number, uid, octets, subject, from, to, date, messageId, headers };
}
