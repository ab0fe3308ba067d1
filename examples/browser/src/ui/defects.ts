/** The defects in words. The codes are popmail's and never change; one without words here shows as its code. */

const WORDS: Readonly<Record<string, string>> = {
  'empty-message': 'There are no bytes at all.',
  'no-header': 'There is no header field; everything is taken as the body.',
  'envelope-line': 'The message starts with the “From ” line of an mbox file.',
  'bare-cr-line-ends': 'Every line ends with a bare CR.',
  'malformed-header': 'A line among the header fields is none; it is left out.',
  'missing-blank-line': 'The blank line between header fields and body is missing.',
  'duplicate-header': 'A field that may occur once occurs more often; the first one counts.',
  'undecodable-header': 'A field holds bytes that are not UTF-8.',
  'control-character': 'A field holds control characters; they are left out.',
  'invalid-date': 'The date is impossible or cannot be read.',
  'malformed-address': 'An address list breaks the grammar.',
  'obsolete-route': 'An address has a source route, which is left out.',
  'malformed-content-type': 'The Content-Type field has no type that can be read.',
  'duplicate-parameter': 'A parameter occurs more than once; the first one counts.',
  'conflicting-file-names': 'The part has several file names that differ.',
  'unknown-transfer-encoding': 'The transfer encoding is unknown; the content is as it came.',
  'odd-transfer-encoding': 'The transfer encoding is known, but written oddly.',
  'malformed-transfer-encoding': 'The content breaks the rules of its transfer encoding.',
  'data-after-padding': 'There is base64 data after the padding that ends it.',
  'unknown-charset': 'The charset is unknown; the text is read as UTF-8.',
  'malformed-charset': 'The text holds bytes that are not valid in its charset.',
  'missing-boundary': 'A multipart has no boundary; it is taken as one part.',
  'boundary-not-found': 'The boundary of a multipart does not occur; it is taken as one part.',
  'delimiter-inside-line': 'A boundary was only found inside a line.',
  'missing-delimiter': 'A part is not ended by a delimiter of its multipart.',
  'unterminated-multipart': 'The closing delimiter of a multipart is missing.',
  'address-in-name': 'The name of an address holds another address.',
  'bare-cr': 'A CR stands by itself among the header fields.',
  'direction-control': 'A field holds characters that change the direction of writing.',
  'encoded-multipart': 'A multipart has a transfer encoding, which it must not have.',
  'guessed-charset': 'The charset of a text, a field or a file name is a guess.',
  'hidden-text': 'There is text after the end of a multipart, which is not shown.',
  'long-line': 'A line is longer than 998 bytes.',
  'nul-octet': 'The text holds NUL bytes.',
  'odd-boundary': 'A boundary is longer or has other characters than it may.',
  'several-authors': 'There are several authors; programs differ in whom they show.',
  'unsafe-file-name': 'The file name is not safe to use: the file is saved under another.',
  'limit-reached': 'A limit was reached; what is beyond it was not looked at.',
};

const SEVERITIES: Readonly<Record<string, string>> = {
  note: 'against the rules, but there is one reading',
  warning: 'something is lost, replaced or cut',
  ambiguous: 'programs are known to read this differently',
};

export function defectWords(code: string): string {
  return WORDS[code] ?? code;
}

export function severityWords(severity: string): string {
  return SEVERITIES[severity] ?? severity;
}
