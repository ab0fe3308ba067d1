// Composing inside Chromium, and the page that `popmail show --html` writes, opened by it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import initExtra from '../../dist/extra-node.js';
import init, { parse } from '../../dist/node.js';
import { openPage, startChromium } from './support/chromium.mjs';
import { ROOT, WASM } from './support/places.mjs';
import { serveFolder } from './support/static.mjs';

await init();
await initExtra();
const browser = await startChromium();
const scratch = mkdtempSync(join(tmpdir(), 'popmail-'));
after(() => rmSync(scratch, { recursive: true }));

test('a_page_composes_what_it_and_others_read_back', async () => {
  const module = `
    import init, { parse } from '/dist/index.js'
    import initExtra, { compose } from '/dist/extra.js'
    const describe = (message) => ({
      subject: message.subject,
      from: message.from,
      to: message.to,
      text: message.text,
      html: message.html,
      files: [...message.inline, ...message.attachments].map((part) => [part.contentType, part.filename, [...part.content]]),
      defects: message.defects,
    })
    try {
      await Promise.all([init(), initExtra()])
      const raw = await compose({
        from: { name: 'Zoë', address: 'zoe@example.com' },
        to: ['Ann <ann@example.com>', { name: 'Größe', addresses: ['b@example.com'] }],
        subject: 'Pläne 日本語 '.repeat(20),
        text: 'Grüße\\n\\n-- \\nZoë',
        html: '<p>Grüße <img src="cid:logo"></p>',
        inline: { logo: { content: Uint8Array.of(137, 80, 78, 71), filename: 'a.png' } },
        attachments: [new Blob(['blob\\r\\n.\\r\\n'], { type: 'text/x-odd' }), { content: 'a;ä\\n', filename: 'Übersicht.csv' }],
      })
      const refused = await compose({ from: 'a@example.com', subject: 'a\\r\\nX-Evil: b' }).then(() => 'composed', ({ code }) => code)
      globalThis.outcome = { raw: [...raw], refused, read: describe(parse(raw)) }
    } catch (error) {
      globalThis.outcome = { failed: String(error.stack) }
    }
    globalThis.describe = describe`;
  const page = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
  const address = await serveFolder(WASM, {}, { '/page.html': page, '/page.js': module });
  const opened = await openPage(browser, `${address}page.html`);
  await opened.page.waitForFunction(() => globalThis.outcome !== undefined);
  const { failed, raw, refused, read } = await opened.page.evaluate(() => globalThis.outcome);
  await opened.context.close();
  assert.equal(failed, undefined);
  assert.deepEqual(opened.complaints, []);
  assert.equal(refused, 'POP3_ERR_USAGE_ARGUMENT');
  assert.equal(read.subject, 'Pläne 日本語 '.repeat(20));
  assert.equal(read.text, 'Grüße\r\n\r\n-- \r\nZoë');
  assert.deepEqual(read.to.map(({ name, address, group }) => [name, address, group]), [
    ['Ann', 'ann@example.com', null],
    [null, 'b@example.com', 'Größe'],
  ]);
  assert.deepEqual(read.files.map(([, name, content]) => [name, content.length]), [
    ['a.png', 4],
    [null, 9],
    ['Übersicht.csv', 5],
  ]);
  assert.deepEqual(read.defects, []);
  // The same octets mean the same in Node.
  const message = parse(Uint8Array.from(raw));
  assert.deepEqual([message.subject, message.text, message.html], [read.subject, read.text, read.html]);
  assert.deepEqual(JSON.parse(JSON.stringify(message.from)), read.from);
});

test('the_page_of_the_command_shows_a_message_and_loads_and_runs_nothing', async () => {
  const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const lines = [
    'From: "<script>document.title=1</script>" <a@example.com>',
    'Subject: <img src=x onerror="document.title=\'owned\'">',
    'Content-Type: multipart/related; boundary=b',
    '',
    '--b',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<script>document.title = "owned"</script><img src=x onerror="document.title=\'owned\'">',
    '<img src="http://127.0.0.1:9/track.gif"><img id=own src="cid:pixel"><link rel=stylesheet href="http://127.0.0.1:9/a.css">',
    '<style>body { background: url(http://127.0.0.1:9/b.png) }</style><p style="background:url(http://127.0.0.1:9/c.png)">Grüße</p>',
    '<svg onload="document.title=\'owned\'"></svg><meta http-equiv=refresh content="0; url=http://127.0.0.1:9/">',
    '<a href="javascript:document.title=\'owned\'">first</a> <iframe src="http://127.0.0.1:9/d"></iframe>',
    '--b',
    'Content-Type: image/png',
    'Content-ID: <pixel>',
    'Content-Transfer-Encoding: base64',
    '',
    pixel,
    '--b--',
    '',
  ];
  const [mail, written] = ['mail.eml', 'mail.html'].map((name) => join(scratch, name));
  writeFileSync(mail, lines.join('\r\n'));
  execFileSync(join(ROOT, '.venv/bin/popmail'), ['show', mail, '--html', '--output', written], { timeout: 60_000 });
  const address = await serveFolder(WASM, {}, { '/mail.html': readFileSync(written, 'utf8') });
  const { page, context, complaints } = await openPage(browser, 'about:blank');
  const asked = [];
  context.on('request', (request) => {
    if (!request.url().startsWith('data:')) asked.push(request.url());
  });
  await page.goto(`${address}mail.html`);
  await page.getByText('Grüße').waitFor();
  const images = await page.locator('img').evaluateAll((all) => all.map((image) => [image.src.slice(0, 15), image.naturalWidth]));
  assert.deepEqual(images.filter(([, width]) => width > 0), [['data:image/png;', 1]]);
  for (const link of await page.getByText('first').all()) await link.click({ noWaitAfter: true });
  assert.doesNotMatch(await page.title(), /^owned$|^1$/);
  assert.equal(await page.locator('script, iframe, svg, object, embed, form').count(), 0);
  assert.deepEqual(asked.filter((url) => !url.endsWith('/favicon.ico')), [`${address}mail.html`]);
  assert.deepEqual(complaints.filter((complaint) => !/favicon|404/.test(complaint)), []);
  await context.close();
});
