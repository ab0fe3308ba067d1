/**
 * What can be wrong with a message, as types: the texts never change, and there may be more of them one day.
 *
 * The meaning of each is in `tests/registry/defects.json`; a test of the core compares.
 */

/** How much a defect matters: `ambiguous` ones are read differently by different programs. */
export type Severity = 'note' | 'warning' | 'ambiguous';

/** What is wrong. */
export type DefectCode =
  | 'empty-message'
  | 'no-header'
  | 'envelope-line'
  | 'bare-cr-line-ends'
  | 'malformed-header'
  | 'missing-blank-line'
  | 'duplicate-header'
  | 'undecodable-header'
  | 'control-character'
  | 'invalid-date'
  | 'malformed-address'
  | 'obsolete-route'
  | 'malformed-content-type'
  | 'duplicate-parameter'
  | 'conflicting-file-names'
  | 'unknown-transfer-encoding'
  | 'odd-transfer-encoding'
  | 'obsolete-transfer-encoding'
  | 'malformed-transfer-encoding'
  | 'data-after-padding'
  | 'unknown-charset'
  | 'malformed-charset'
  | 'guessed-charset'
  | 'utf-7'
  | 'missing-boundary'
  | 'boundary-not-found'
  | 'delimiter-inside-line'
  | 'missing-delimiter'
  | 'unterminated-multipart'
  | 'several-authors'
  | 'address-in-name'
  | 'direction-control'
  | 'bare-cr'
  | 'long-line'
  | 'unsafe-file-name'
  | 'odd-boundary'
  | 'encoded-multipart'
  | 'hidden-text'
  | 'nul-octet'
  | 'limit-reached';
