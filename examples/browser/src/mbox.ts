/**
 * Where the messages of an mbox file begin and end, without reading the file into memory.
 *
 * An envelope line starts the file or follows an empty line, begins with `From ` and holds a day of
 * the week and a time (RFC 4155 appendix A). A line of a message that looks like one was quoted with `>` when it was
 * stored: `unquote` takes one `>` away, as mboxrd asks.
 */

export interface Range {
  readonly start: number;
  readonly end: number;
}

const LF = 0x0a;
const CR = 0x0d;
const ENVELOPE = /^From \S.* (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? .*\d:\d\d/;
const LONGEST_ENVELOPE = 512;

/** Whether a file that starts with these bytes is an mbox. */
export function looksLikeMbox(start: Uint8Array): boolean {
  return latin1.decode(start.subarray(0, 5)) === 'From ';
}

/** Finds the messages of an mbox that comes in pieces of any size. */
export class MboxScanner {
  readonly #found: Range[] = [];
  #position = 0;
  /** The first bytes of the line under way; more than an envelope line has are not kept. */
  #line = new Uint8Array(LONGEST_ENVELOPE);
  #lineLength = 0;
  #lineStart = 0;
  #lastLineEmpty = true;
  #messageStart: number | undefined;
  #lastContentEnd = 0;

  /** Takes the next piece of the file. Returns the messages that are complete by now. */
  push(piece: Uint8Array): Range[] {
    let at = 0;
    while (at < piece.length) {
      const lf = piece.indexOf(LF, at);
      const end = lf === -1 ? piece.length : lf + 1;
      this.#keep(piece.subarray(at, end));
      this.#position += end - at;
      if (lf !== -1) this.#endLine();
      at = end;
    }
    return this.#found.splice(0);
  }

  /** Ends the file. Returns the last messages. */
  finish(): Range[] {
    if (this.#lineLength > 0) this.#endLine();
    this.#endMessage(this.#lastContentEnd);
    return this.#found.splice(0);
  }

  #keep(bytes: Uint8Array): void {
    const room = bytes.subarray(0, Math.max(0, LONGEST_ENVELOPE - this.#lineLength));
    this.#line.set(room, Math.min(this.#lineLength, LONGEST_ENVELOPE));
    this.#lineLength += bytes.length;
  }

  #endLine(): void {
    const start = this.#line.subarray(0, Math.min(this.#lineLength, LONGEST_ENVELOPE));
    const empty = isLineEnd(start);
    if (this.#lastLineEmpty && (this.#lineStart === 0 ? looksLikeMbox(start) : ENVELOPE.test(latin1.decode(start)))) {
      this.#endMessage(this.#lastContentEnd);
      this.#messageStart = this.#position;
    }
    // The empty line before an envelope line belongs to the mbox, not to the message.
    if (!empty) this.#lastContentEnd = this.#position;
    this.#lastLineEmpty = empty;
    this.#lineStart = this.#position;
    this.#lineLength = 0;
  }

  #endMessage(end: number): void {
    if (this.#messageStart === undefined) return;
    this.#found.push({ start: this.#messageStart, end: Math.max(end, this.#messageStart) });
    this.#messageStart = undefined;
  }
}

/** A message as it was before it was stored in an mbox; the same bytes when no line was quoted. */
export function unquote(message: Uint8Array): Uint8Array {
  const out: Uint8Array[] = [];
  let from = 0;
  for (let at = message.indexOf(0x3e); at !== -1; at = message.indexOf(0x3e, at + 1)) {
    if (at > 0 && message[at - 1] !== LF) continue;
    let end = at;
    while (message[end] === 0x3e) end++;
    if (latin1.decode(message.subarray(end, end + 5)) === 'From ') {
      out.push(message.subarray(from, at));
      from = at + 1;
    }
    at = end - 1;
  }
  if (from === 0) return message;
  out.push(message.subarray(from));
  const whole = new Uint8Array(message.length - (out.length - 1));
  let length = 0;
  for (const piece of out) {
    whole.set(piece, length);
    length += piece.length;
  }
  return whole;
}

function isLineEnd(line: Uint8Array): boolean {
  return line[0] === LF || (line[0] === CR && line[1] === LF);
}

const latin1 = new TextDecoder('latin1');
