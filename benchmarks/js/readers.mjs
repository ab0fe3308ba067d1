// What each peer does with a message: subject, sender, date, text, HTML and the bytes of every
// attachment. And whether two peers read the same. Runs in Node and in a page.

/** popmail; `parse` of either package. */
export const popmail = (parse) => (raw) => {
  const message = parse(raw);
  return {
    subject: message.subject,
    from: message.from[0]?.address,
    date: message.date,
    text: message.text,
    html: message.html,
    attachments: message.attachments.map(({ content }) => content),
  };
};

export const postalMime = (PostalMime) => async (raw) => {
  const mail = await PostalMime.parse(raw);
  return {
    subject: mail.subject,
    from: mail.from?.address,
    date: mail.date,
    text: mail.text,
    html: mail.html,
    attachments: mail.attachments.map(({ content }) => new Uint8Array(content)),
  };
};

/** mailparser, without the work that only it does. */
export const mailparser = (simpleParser) => async (raw) => {
  const source = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
  const mail = await simpleParser(source, { skipTextToHtml: true, skipHtmlToText: true, skipImageLinks: true });
  return {
    subject: mail.subject,
    from: mail.from?.value[0]?.address,
    date: mail.date,
    text: mail.text,
    html: mail.html,
    attachments: mail.attachments.map(({ content }) => content),
  };
};

/**
 * Which of what a peer read differs from what popmail did; none if all is equal. Of a text its line
 * ends do not count, nor those at its end: the peers change them. Nor does a U+FFFD at its start:
 * Chromium's decoder of ISO-2022-JP puts it there when it was used before, as postal-mime does.
 */
export function differences(found, expected) {
  const lines = (text) => (text || '').replace(/\r\n?/g, '\n').trimEnd();
  const mended = (text) => lines(text).replace(/^\ufffd/, '');
  const isEqual = {
    subject: (one, other) => one === other,
    from: (one, other) => one === other,
    date: (one, other) => new Date(one).getTime() === new Date(other).getTime(),
    text: (one, other) => mended(one) === lines(other),
    html: (one, other) => lines(one) === lines(other),
    attachments: (one, other) => one.length === other.length && one.every((bytes, at) => sameBytes(bytes, other[at])),
  };
  return Object.keys(isEqual).filter((name) => !isEqual[name](found[name], expected[name]));
}

function sameBytes(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
