/**
 * EUC-KR where a host's decoder lacks most of it: Node's reads the 2,350 syllables of KS X 1001, the Encoding
 * Standard all 11,172 of Unicode, which Windows puts into the places that are free.
 *
 * Those of KS X 1001 come from the host; the others follow in Unicode's order (Encoding Standard, index EUC-KR).
 */

const FIRST_SYLLABLE = 0xac00;
const LAST_SYLLABLE = 0xd7a3;

/** The places of a row: a lead octet of 0x81 is the first row, a trail octet of 0x41 the first place. */
const ROW = 190;

/** The trail octets of places that KS X 1001 leaves free in every row. */
const FREE: readonly (readonly [number, number])[] = [
  [0x41, 0x5a],
  [0x61, 0x7a],
  [0x81, 0xa0],
];

/** Signs of the row 0xa2 that KS X 1001 got later. */
const LATER: readonly (readonly [number, string])[] = [
  [0xe6, '€'],
  [0xe7, '®'],
];

/** What such a decoder makes of places that the Encoding Standard leaves free. */
const BEYOND = /[\x80-\x9f\ue000-\uf8ff]/;

let table: Map<number, string> | undefined;
let host: TextDecoder | undefined;

/** Whether this host's decoder is such a one. */
export function lacksSyllables(): boolean {
  return new TextDecoder('euc-kr').decode(Uint8Array.of(0x81, 0x41)) !== '갂';
}

/** The text of `bytes` and whether some were not valid; these are U+FFFD in it. */
export function decodeKorean(bytes: Uint8Array): { text: string; malformed: boolean } {
  const common = decodeCommon(bytes);
  if (common !== undefined) {
    return { text: common, malformed: false };
  }
  table ??= makeTable();
  let malformed = false;
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const lead = bytes[at] as number;
    if (lead < 0x80) {
      pieces.push(String.fromCharCode(lead));
      continue;
    }
    const trail = bytes[at + 1];
    const isPair = trail !== undefined && lead !== 0x80 && lead !== 0xff && trail >= 0x41 && trail !== 0xff;
    const char = isPair ? table.get((lead - 0x81) * ROW + trail - 0x41) : undefined;
    malformed ||= char === undefined;
    pieces.push(char ?? '\ufffd');
    // What follows a lead and is ASCII, or no trail, stands for itself.
    if (lead !== 0x80 && lead !== 0xff && trail !== undefined && (char !== undefined || trail >= 0x80)) {
      at++;
    }
  }
  return { text: pieces.join(''), malformed };
}

/** The text as the host reads it, which is quicker by far; `undefined` where it lacks a character. */
function decodeCommon(bytes: Uint8Array): string | undefined {
  try {
    const text = (host ??= new TextDecoder('euc-kr', { fatal: true })).decode(bytes);
    return BEYOND.test(text) ? undefined : text;
  } catch {
    // What is left in it of a text that broke off is not for the next one.
    host = undefined;
    return undefined;
  }
}

function makeTable(): Map<number, string> {
  const made = new Map<number, string>();
  const decoder = new TextDecoder('euc-kr');
  const known = new Set<string>();
  for (let lead = 0xa1; lead <= 0xfe; lead++) {
    for (let trail = 0xa1; trail <= 0xfe; trail++) {
      const char = decoder.decode(Uint8Array.of(lead, trail));
      if (char.length === 1 && char !== '\ufffd' && !BEYOND.test(char)) {
        made.set((lead - 0x81) * ROW + trail - 0x41, char);
        known.add(char);
      }
    }
  }
  for (const [trail, char] of LATER) {
    made.set((0xa2 - 0x81) * ROW + trail - 0x41, char);
  }
  let syllable = FIRST_SYLLABLE;
  for (let lead = 0x81; ; lead++) {
    // Before the rows of KS X 1001 the whole row is free.
    const free: readonly (readonly [number, number])[] = lead < 0xa1 ? [...FREE.slice(0, 2), [0x81, 0xfe]] : FREE;
    for (const [first, last] of free) {
      for (let trail = first; trail <= last; trail++) {
        while (known.has(String.fromCharCode(syllable))) {
          syllable++;
        }
        if (syllable > LAST_SYLLABLE) {
          return made;
        }
        made.set((lead - 0x81) * ROW + trail - 0x41, String.fromCharCode(syllable++));
      }
    }
  }
}
