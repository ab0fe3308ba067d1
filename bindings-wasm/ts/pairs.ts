/**
 * A charset with a character for two octets of which a host's decoder lacks a part. What the host reads it reads,
 * which is quicker by far; the rest comes from a table.
 */

/** The character of each pair of octets: the lead times 256, and the trail. */
export type PairTable = Map<number, string>;

export class PairCharset {
  readonly #label: string;
  readonly #beyond: RegExp;
  readonly #makeTable: () => PairTable;
  #table: PairTable | undefined;
  #host: TextDecoder | undefined;

  /**
   * @param label its name in the Encoding Standard.
   * @param beyond what the host makes of pairs that this charset reads otherwise.
   * @param makeTable makes the table when it is first needed.
   */
  constructor(label: string, beyond: RegExp, makeTable: () => PairTable) {
    this.#label = label;
    this.#beyond = beyond;
    this.#makeTable = makeTable;
  }

  /** The text of `bytes` and whether some were not valid; these are U+FFFD in it. */
  decode(bytes: Uint8Array): { text: string; malformed: boolean } {
    const common = this.#decodeCommon(bytes);
    if (common !== undefined) {
      return { text: common, malformed: false };
    }
    const table = (this.#table ??= this.#makeTable());
    let malformed = false;
    const pieces: string[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const lead = bytes[at] as number;
      if (lead < 0x80) {
        pieces.push(String.fromCharCode(lead));
        continue;
      }
      const trail = lead !== 0x80 && lead !== 0xff ? bytes[at + 1] : undefined;
      const char = trail === undefined ? undefined : table.get(lead * 256 + trail);
      malformed ||= char === undefined;
      pieces.push(char ?? '\ufffd');
      // What follows a lead and is ASCII, or no trail, stands for itself.
      if (trail !== undefined && (char !== undefined || trail >= 0x80)) {
        at++;
      }
    }
    return { text: pieces.join(''), malformed };
  }

  /** The text as the host reads it; `undefined` where it lacks a character. */
  #decodeCommon(bytes: Uint8Array): string | undefined {
    try {
      const text = (this.#host ??= new TextDecoder(this.#label, { fatal: true })).decode(bytes);
      return this.#beyond.test(text) ? undefined : text;
    } catch {
      // What is left in it of a text that broke off is not for the next one.
      this.#host = undefined;
      return undefined;
    }
  }
}

/** What the host has for each pair that it reads as the charset does. */
export function hostTable(label: string, beyond: RegExp, firstLead: number, firstTrail: number): PairTable {
  const table: PairTable = new Map();
  const decoder = new TextDecoder(label);
  for (let lead = firstLead; lead <= 0xfe; lead++) {
    for (let trail = firstTrail; trail <= 0xfe; trail++) {
      const char = decoder.decode(Uint8Array.of(lead, trail));
      if (char.length === 1 && char !== '\ufffd' && !beyond.test(char)) {
        table.set(lead * 256 + trail, char);
      }
    }
  }
  return table;
}
