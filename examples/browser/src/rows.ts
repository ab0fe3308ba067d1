/**
 * The rows in which a source is shown: its lines, long ones in pieces, so that every row is short
 * and all have one height.
 */

import type { SourceRow } from './api.ts';

const LF = 0x0a;
const CR = 0x0d;
/** Bytes of a line that one row shows. */
const ROW_BYTES = 200;

export class Rows {
  readonly #bytes: Uint8Array;
  /** Where each row starts. */
  readonly #starts: Uint32Array;
  /** The number of lines that start before each 1,024th row. */
  readonly #lines: Uint32Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    let starts = new Uint32Array(Math.max(64, bytes.length >> 6));
    let count = 0;
    const lines: number[] = [];
    let line = 0;
    for (let at = 0; at < bytes.length;) {
      const lf = bytes.indexOf(LF, at);
      const end = lf === -1 ? bytes.length : lf + 1;
      line++;
      for (let start = at; start < end; start = rowEnd(bytes, start, end)) {
        if (count === starts.length) {
          const larger = new Uint32Array(count * 2);
          larger.set(starts);
          starts = larger;
        }
        if (count % 1024 === 0) lines.push(start === at ? line - 1 : line);
        starts[count++] = start;
      }
      at = end;
    }
    this.#starts = starts.slice(0, count);
    this.#lines = Uint32Array.from(lines);
  }

  get count(): number {
    return this.#starts.length;
  }

  slice(start: number, end: number): SourceRow[] {
    const rows: SourceRow[] = [];
    const from = Math.max(0, start);
    const page = from - (from % 1024);
    let line = this.#lines[page / 1024] ?? 0;
    for (let row = page; row < Math.min(end, this.count); row++) {
      const offset = this.#starts[row]!;
      const isStart = offset === 0 || this.#bytes[offset - 1] === LF;
      if (isStart) line++;
      if (row < from) continue;
      let rowEnd = this.#starts[row + 1] ?? this.#bytes.length;
      if (rowEnd > offset && this.#bytes[rowEnd - 1] === LF) rowEnd--;
      if (rowEnd > offset && this.#bytes[rowEnd - 1] === CR) rowEnd--;
      rows.push({ offset, text: decode(this.#bytes.subarray(offset, rowEnd)), line: isStart ? line : null });
    }
    return rows;
  }

  /** The rows that hold the bytes of a range: the first one, and the one after the last. */
  of([start, end]: readonly [number, number]): [number, number] {
    const first = this.#at(start);
    return [first, end > start ? this.#at(end - 1) + 1 : first];
  }

  /** The row that holds the byte at an offset. */
  #at(offset: number): number {
    let low = 0;
    let high = this.count;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** The end of the row that starts here: not inside a UTF-8 sequence, and never a row of a line end alone. */
function rowEnd(bytes: Uint8Array, start: number, end: number): number {
  if (end - start <= ROW_BYTES + 2) return end;
  let at = start + ROW_BYTES;
  for (let back = 0; back < 3 && (bytes[at]! & 0xc0) === 0x80; back++) at--;
  return at;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder('windows-1252');

/** UTF-8 where it is valid, one character a byte where not; control characters made visible. */
function decode(bytes: Uint8Array): string {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    text = latin1.decode(bytes);
  }
  // Control characters, and those that turn the direction of text, become pictures.
  return text.replace(/[\0-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g, (control) => {
    const code = control.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '␡';
  });
}
