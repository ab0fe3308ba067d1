/** Messages that were not delivered before, in order, and the deletions by rules after the last. */

import { Ahead, HEADER_OCTETS, type Wanted } from './ahead.js';
import { type CommandOptions, type Dialogue, isRefusal, sizesByNumber, uidsByNumber } from './dialogue.js';
import { calling } from './error.js';
import { RemoteMessage } from './remote.js';
import type { MailboxState, SyncRules } from './sync.js';

/** A message that `fetchNew` brings. */
export class NewMessage extends RemoteMessage {
  /** True if `raw` is the header of a message that is larger than the rules allow. */
  readonly headersOnly: boolean;
  readonly #state: MailboxState;
  #isDone = false;

  /** @internal */
  constructor(
    dialogue: Dialogue,
    state: MailboxState,
    number: number,
    uid: string | undefined,
    octets: number | undefined,
    raw: Uint8Array,
    headersOnly: boolean,
  ) {
    super(dialogue, number, uid, octets, raw);
    this.headersOnly = headersOnly;
    this.#state = state;
  }

  /** True if it was noted. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Notes that the message is safe: it does not come again.
   *
   * The loop does this by itself when it asks for the next message. Call it before `break`, or as
   * soon as the message is safe.
   */
  async done(): Promise<void> {
    if (!this.#isDone) {
      this.#isDone = true;
      try {
        await this.#state.noteDelivered(this.number, this.headersOnly);
      } catch (error) {
        this.#isDone = false;
        throw error;
      }
    }
  }

  /** Marks the message, whatever the rules say; it goes when the session ends with `quit`. */
  override async delete(): Promise<void> {
    await this.done();
    super.delete();
    this.#state.noteDeleted(this.number);
  }
}

/** The loop of `Pop3.fetchNew`. */
export async function* fetchNew(
  dialogue: Dialogue,
  state: MailboxState,
  rules: SyncRules,
  options: CommandOptions | undefined,
): AsyncGenerator<NewMessage, void, undefined> {
  const { connection, engine } = dialogue;
  connection.checkOpen();
  state.belongsTo(dialogue.mailbox);
  const release = connection.follow(options?.signal);
  let contents: Ahead | undefined;
  let last: NewMessage | undefined;
  try {
    const listing = await dialogue.listing();
    const [sizes, uids] = [sizesByNumber(listing), uidsByNumber(listing)];
    const fingerprints = await fingerprintsOf(dialogue, state, state.withoutUid(listing), sizes);
    const plan = await state.begin(listing, fingerprints, engine.capabilities() ?? undefined, rules);
    const headersOnly = new Map(plan.fetch.map((one) => [one.number, one.headersOnly]));
    contents = new Ahead(
      dialogue,
      plan.fetch.map((one) => (one.headersOnly ? { ...one, octets: HEADER_OCTETS } : one)),
      (number) => (headersOnly.get(number) ? engine.top(number, 0, false) : engine.retr(number, false)),
    );
    for (;;) {
      await last?.done();
      last = undefined;
      const answer = await contents.next();
      if (answer === undefined) {
        break;
      }
      const { number, content, refusal } = answer;
      if (refusal !== undefined) {
        refused(state, number, refusal);
        continue;
      }
      const isHeader = headersOnly.get(number) ?? false;
      last = new NewMessage(dialogue, state, number, uids.get(number), sizes.get(number), content, isHeader);
      yield last;
    }
    contents = undefined;
    await finish(dialogue, state, rules);
  } finally {
    release();
    if (contents !== undefined) {
      const isUnnoted = contents.isWaiting || last?.isDone === false;
      contents.stop();
      if (isUnnoted && deletesFetched(dialogue)) {
        // The server deletes what it sent, at QUIT: it does not see one.
        connection.close();
      }
    }
  }
}

/** Saves, and marks what is to be deleted. */
async function finish(dialogue: Dialogue, state: MailboxState, rules: SyncRules): Promise<void> {
  await state.save();
  const handles = state
    .deletions(rules)
    .map((number) => ({ number, handle: calling(() => dialogue.engine.dele(number)) }));
  let isMarked = false;
  for (const { number, handle } of handles) {
    try {
      await dialogue.outcome('commandFinished', handle);
      state.noteDeleted(number);
      isMarked = true;
    } catch (error) {
      if (!isRefusal(error)) {
        throw error;
      }
      refused(state, number, error);
    }
  }
  dialogue.checkMarks();
  if (isMarked) {
    await state.save();
    dialogue.afterQuit.push(() => state.noteQuit());
  }
}

/** What messages without a uid are known by: from TOP, or from RETR where there is no TOP. */
async function fingerprintsOf(
  dialogue: Dialogue,
  state: MailboxState,
  numbers: readonly number[],
  sizes: ReadonlyMap<number, number>,
): Promise<{ number: number; text: string }[]> {
  const { engine } = dialogue;
  const found: { number: number; text: string }[] = [];
  const missing: Wanted[] = [];
  const note = async (contents: Ahead, refuse: (number: number, octets: number) => void): Promise<void> => {
    try {
      for (let answer = await contents.next(); answer !== undefined; answer = await contents.next()) {
        const { number, content } = answer;
        const octets = sizes.get(number) ?? 0;
        if (content === undefined) {
          refuse(number, octets);
        } else {
          found.push({ number, text: state.fingerprint(content, octets) });
        }
      }
    } finally {
      contents.stop();
    }
  };
  const headers = numbers.map((number) => ({ number, octets: HEADER_OCTETS }));
  await note(new Ahead(dialogue, headers, (number) => engine.top(number, 0, false)), (number, octets) =>
    missing.push({ number, octets }),
  );
  await note(new Ahead(dialogue, missing, (number) => engine.retr(number, false)), () => {});
  return found;
}

/** Notes that the server refused a command for a message; the others go on. */
function refused(state: MailboxState, number: number, refusal: Error): void {
  state.warnings.push({ name: 'refused', text: `message ${number}: ${refusal.message}` });
}

/** True if the server deletes what was fetched, at QUIT (`EXPIRE 0`). */
function deletesFetched({ engine }: Dialogue): boolean {
  return engine.capabilities()?.expire?.days === 0;
}
