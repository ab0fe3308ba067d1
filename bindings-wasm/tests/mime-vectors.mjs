/**
 * Every vector of `tests/vectors/mime`: one message in, the same Email object, tree, attachments and
 * defects out as in every other language. Runs wherever `parse` does; the caller reads the files.
 */

/** Checks every vector that the caller has read; see `checkMimeVector`. Returns how many. */
export async function runMimeVectors(parse, vectors, equal) {
  for (const vector of vectors) await checkMimeVector(parse, vector, equal);
  return vectors.length;
}

/**
 * Checks one vector.
 *
 * @param {(raw: Uint8Array) => import('../ts/message.js').Message} parse
 * @param {{ name: string, expect: any, raw: Uint8Array }} vector what `tests/vectors/mime` holds
 * @param {(name: string, actual: unknown, expected: unknown) => void} equal throws unless equal
 */
export async function checkMimeVector(parse, { name, expect, raw }, equal) {
  const before = raw.slice();
  const message = parse(raw);
  equal(`${name}: email`, message.toJSON(), expect.email);
  equal(`${name}: JSON.stringify`, JSON.parse(JSON.stringify(message)), expect.email);
  equal(`${name}: bytes of the JSON`, await sha256(new TextEncoder().encode(message.json())), expect.json_sha256);
  equal(`${name}: tree`, message.tree(), expect.tree);
  if ('details' in expect) equal(`${name}: details`, JSON.parse(JSON.stringify(message.details)), expect.details);
  for (const [key, found] of [['text', 'text'], ['unwrapped_text', 'unwrappedText'], ['own_text', 'ownText'], ['markdown', 'markdown']]) {
    if (key in expect) equal(`${name}: ${key}`, message[found], expect[key]);
  }
  const attachments = [];
  for (const part of message.attachments) {
    equal(`${name}: size of part ${part.index}`, part.size, part.content.length);
    attachments.push({
      filename: part.filename,
      safe_filename: part.safeFilename,
      content_type: part.contentType,
      size: part.size,
      sha256: await sha256(part.content),
    });
  }
  equal(`${name}: attachments`, attachments, expect.attachments);
  equal(`${name}: defects`, message.defects.map(({ code }) => code), expect.defects);
  face(name, message, expect, equal);
  equal(`${name}: views`, await Promise.all(message.views().map(otherReading)), expect.views ?? []);
  equal(`${name}: raw`, message.raw, raw);
  equal(`${name}: the bytes are left alone`, raw, before);
}

/** Texts that are read in pieces are those that they are as a whole. */
export function checkLongTexts(parse, equal) {
  const bytes = (text) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  const utf8 = (text) => String.fromCharCode(...new TextEncoder().encode(text));
  const count = 60_000;
  const cases = [
    ['unlabelled windows-1251', '\r\n', '\xcf\xf0\xe8\xe2\xe5\xf2 ', 'Привет '],
    ['Latin-1', 'Content-Type: text/plain; charset=iso-8859-1\r\n\r\n', 'caf\xe9 au ', 'café au '],
    ['UTF-8', '\r\n', utf8('añ€ 😀'), 'añ€ 😀'],
    ['damaged UTF-8', 'Content-Type: text/plain; charset=utf-8\r\n\r\n', `${utf8('€€€')}\xe2\x82`, '€€€\ufffd'],
    ['Shift_JIS without ASCII', 'Content-Type: text/plain; charset=shift_jis\r\n\r\n', '\x93\xfa\x96\x7b\x93\xfa', '日本日'],
    ['IBM code page 437', 'Content-Type: text/plain; charset=ibm437\r\n\r\n', '\x84\x94\x81 \xe0\xe1', 'äöü αß'],
  ];
  for (const [name, head, piece, text] of cases) {
    const message = parse(bytes(head + piece.repeat(count)));
    equal(`${name}: text`, message.text === text.repeat(count), true);
    equal(`${name}: text of the part`, message.root.text === message.text, true);
  }
  const part = (type, piece) => `--b\r\nContent-Type: ${type}; charset=windows-1251\r\n\r\n${piece.repeat(count)}\r\n`;
  const raw = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${part('text/html', '<b>\xcf</b>')}${part('text/plain', '\xe8 ')}--b--\r\n`;
  const message = parse(bytes(raw));
  equal('text of several parts', message.text === `${'П'.repeat(count)}\n${'и '.repeat(count)}`, true);
  equal('HTML of several parts', message.html === `${'<b>П</b>'.repeat(count)}\n<div>${'и '.repeat(count)}</div>`, true);
}

/** What a filter and a person would see of a view. */
async function otherReading({ code, message }) {
  return {
    code,
    subject: message.subject,
    tree: message.tree(),
    text: message.text,
    attachments: message.attachments.map((part) => part.safeFilename),
    json_sha256: await sha256(new TextEncoder().encode(message.json())),
  };
}

/** What the face reads from the index is what the Email object says. */
function face(name, message, { email }, equal) {
  const mailboxes = (list) => (list.length === 0 ? null : list.map(({ name, address }) => ({ name, email: address })));
  const given = (list) => (list?.length ? list : null);
  equal(`${name}: subject`, message.subject, email.subject);
  equal(`${name}: from`, mailboxes(message.from), given(email.from));
  equal(`${name}: to`, mailboxes(message.to), given(email.to));
  equal(`${name}: cc`, mailboxes(message.cc), given(email.cc));
  equal(`${name}: bcc`, mailboxes(message.bcc), given(email.bcc));
  equal(`${name}: replyTo`, mailboxes(message.replyTo), given(email.replyTo));
  equal(`${name}: sender`, message.sender?.address ?? null, email.sender?.[0]?.email ?? null);
  equal(`${name}: messageId`, message.messageId, email.messageId?.[0] ?? null);
  equal(`${name}: inReplyTo`, given(message.inReplyTo), email.inReplyTo);
  equal(`${name}: references`, given(message.references), email.references);
  equal(`${name}: date`, message.date?.getTime() ?? null, email.sentAt && Date.parse(email.sentAt));
  equal(`${name}: preview`, message.preview, email.preview);
  equal(`${name}: headers`, [...message.headers].map((field) => field.name), email.headers.map((field) => field.name));
  for (const [at, field] of [...message.headers].entries()) {
    const value = new TextDecoder('utf-8', { ignoreBOM: true }).decode(field.raw).replaceAll('\0', '');
    equal(`${name}: header ${field.name}`, value, email.headers[at].value);
    equal(`${name}: header ${field.name} by name`, message.headers.getAll(field.name).includes(field), true);
  }
  for (const [id, { value }] of Object.entries(email.bodyValues)) {
    equal(`${name}: text of part ${id}`, message.parts[id].text.replaceAll('\r\n', '\n'), value);
  }
  structure(name, message.root, email.bodyStructure, equal);
  for (const part of message.parts) {
    const { range } = part;
    equal(`${name}: raw of part ${part.index}`, range === null || part.raw.length === range[1] - range[0], true);
    const nested = part.message;
    if (nested !== null) {
      equal(`${name}: message in part ${part.index}`, nested.root.raw, nested.raw);
      equal(`${name}: its Email object`, nested.toJSON().subject, nested.subject);
    }
  }
  equal(`${name}: one text`, message.text, message.text);
  equal(`${name}: html`, message.html === null, !message.htmlWithInline());
}

function structure(name, part, expected, equal) {
  const found = {
    name: part.filename,
    type: part.contentType,
    disposition: part.disposition,
    cid: part.contentId,
    children: part.children.length,
  };
  const { name: filename, type, disposition, cid, subParts = [] } = expected;
  equal(`${name}: part ${part.index}`, found, { name: filename, type, disposition, cid, children: subParts.length });
  part.children.forEach((child, at) => structure(name, child, subParts[at], equal));
}

async function sha256(content) {
  const digest = await crypto.subtle.digest('SHA-256', content);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
