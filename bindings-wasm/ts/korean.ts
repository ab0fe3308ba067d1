/**
 * EUC-KR where a host's decoder lacks most of it: Node's reads the 2,350 syllables of KS X 1001, the Encoding
 * Standard all 11,172 of Unicode, which Windows puts into the places that are free.
 *
 * Those of KS X 1001 come from the host; the others follow in Unicode's order (Encoding Standard, index EUC-KR).
 */

import { PairCharset, type PairTable, hostTable } from './pairs.js';

const FIRST_SYLLABLE = 0xac00;
const LAST_SYLLABLE = 0xd7a3;

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

/** Whether this host's decoder is such a one. */
export function lacksSyllables(): boolean {
  return new TextDecoder('euc-kr').decode(Uint8Array.of(0x81, 0x41)) !== '갂';
}

export const korean = new PairCharset('euc-kr', BEYOND, makeTable);

function makeTable(): PairTable {
  const made = hostTable('euc-kr', BEYOND, 0xa1, 0xa1);
  const known = new Set(made.values());
  for (const [trail, char] of LATER) {
    made.set(0xa2 * 256 + trail, char);
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
        made.set(lead * 256 + trail, String.fromCharCode(syllable++));
      }
    }
  }
}
