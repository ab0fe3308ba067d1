// The example page in Chromium, as a person uses it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openPage, startChromium } from './support/chromium.mjs';
import { drop, eml, open, view, waitForCount } from './support/page.mjs';
import { MIME_VECTORS, PAGE, SAMPLES, SCRATCH } from './support/places.mjs';
import { serveFolder, startStranger } from './support/static.mjs';

const browser = await startChromium();
const address = await serveFolder(`${PAGE}dist`);
const stranger = await startStranger();

const samples = [];
for (const file of (await readdir(MIME_VECTORS)).filter((name) => name.startsWith('sample-'))) {
  const { input, expect } = JSON.parse(await readFile(MIME_VECTORS + file, 'utf8'));
  const name = input.file.split('/').at(-1);
  samples.push({ name, path: SAMPLES + name, expect });
}

async function vector(name) {
  const { input, expect } = JSON.parse(await readFile(`${MIME_VECTORS}${name}.json`, 'utf8'));
  return { name: `${name}.eml`, bytes: Buffer.from(input.base64, 'base64'), expect };
}

/** Opens the page, and fails the test if the page complained, or if anything asked the stranger. */
function pageTest(name, run, { mayComplain = /^$/ } = {}) {
  test(name, async () => {
    stranger.asked.length = 0;
    const { page, context, complaints } = await openPage(browser, address);
    await run(page);
    assert.deepEqual(
      complaints.filter((complaint) => !mayComplain.test(complaint)),
      [],
    );
    assert.deepEqual(stranger.asked, []);
    await context.close();
  });
}

async function save(page, name) {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name }).first().click(),
  ]);
  const bytes = await readFile(await download.path());
  return { name: download.suggestedFilename(), bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

pageTest('samples_are_listed_and_open_with_what_they_say', async (page) => {
  await drop(page, samples);
  await waitForCount(page, samples.length);
  for (const { name, expect } of samples) {
    const { email } = expect;
    await page.getByRole('listbox').locator(`[title="${name}"]`).click();
    await page.getByRole('heading', { name: email.subject ?? 'No subject', level: 2, exact: true }).waitFor();
    const [sender] = email.from ?? [];
    if (sender) {
      const wanted = sender.name ? `${sender.name} <${sender.email}>` : sender.email;
      assert.equal(await page.locator('.envelope-lines dd').first().textContent(), wanted, name);
    }
    await view(page, 'Text');
    const [first] = email.textBody.filter((part) => part.type === 'text/plain');
    const wanted = first && email.bodyValues[first.partId].value.trim();
    if (wanted) {
      const shown = await page.locator('.text > div').allTextContents();
      assert.ok(
        shown.join('\n').includes(wanted),
        `${name}: expected ${wanted.slice(0, 80)}, got ${shown.join('\n').slice(0, 80)}`,
      );
    }
    await view(page, 'Structure');
    const types = await page.getByRole('treeitem').locator('.tree-type').allTextContents();
    const expected = expect.tree.split('\n').map((line) => /[a-z]+\/[\w.+-]+/.exec(line)[0]);
    assert.deepEqual(types, expected, name);
    await view(page, 'Defects');
    assert.deepEqual(
      (await page.locator('.defects .where').allTextContents()).map((text) => text.split(' · ')[0]),
      expect.defects,
      name,
    );
  }
});

pageTest('html_shows_the_image_that_it_names_by_content_id', async (page) => {
  await drop(page, samples);
  await open(page, 'The lighthouse');
  const frame = page.frameLocator('iframe');
  await frame.getByText('We climbed all 214 steps').waitFor();
  const image = frame.getByRole('img', { name: 'a lighthouse' });
  await image.waitFor();
  assert.ok((await image.evaluate(async (element) => (await element.decode(), element.naturalWidth))) > 0);
});

pageTest('html_without_colours_follows_the_page_and_other_html_stays_on_white', async (page) => {
  const coloured = eml(['Subject: Red', 'Content-Type: text/html', '', '<p style="color:#900">Offers</p>']);
  await drop(page, [...samples, { name: 'red.eml', bytes: coloured }]);
  const background = (text) =>
    page
      .frameLocator('iframe')
      .getByText(text)
      .evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.getByRole('button', { name: 'Use dark colours' }).click();
  await open(page, 'The lighthouse');
  assert.equal(await background('We climbed all 214 steps'), 'rgb(28, 31, 37)');
  await page.getByRole('button', { name: 'Use light colours' }).click();
  await page.frameLocator('iframe').getByText('We climbed all 214 steps').waitFor();
  assert.equal(await background('We climbed all 214 steps'), 'rgb(255, 255, 255)');
  await page.getByRole('button', { name: 'Use dark colours' }).click();
  await open(page, 'Red');
  assert.equal(await background('Offers'), 'rgb(255, 255, 255)');
});

pageTest('attachments_are_saved_byte_for_byte', async (page) => {
  await drop(page, samples);
  for (const { name, expect } of samples.filter((sample) => sample.expect.attachments.length > 0)) {
    await page.getByRole('listbox').locator(`[title="${name}"]`).click();
    await page.getByRole('heading', { name: expect.email.subject, level: 2 }).waitFor();
    for (const attachment of expect.attachments) {
      const saved = await save(page, `Download ${attachment.safe_filename}`);
      assert.equal(saved.name, attachment.safe_filename);
      assert.equal(saved.sha256, attachment.sha256);
    }
  }
});

pageTest('hostile_name_is_saved_under_its_safe_name', async (page) => {
  const { expect, ...file } = await vector('hostile-filename');
  const [{ safe_filename: safe, sha256 }] = expect.attachments;
  await drop(page, [file]);
  await page.getByRole('list', { name: 'Attachments' }).waitFor();
  const saved = await save(page, `Download ${safe}`);
  assert.equal(saved.name, safe);
  assert.equal(saved.sha256, sha256);
});

const remoteMail = {
  name: 'remote.eml',
  bytes: eml([
    'From: shop@example.com',
    'Subject: Offers',
    'Content-Type: text/html',
    '',
    `<style>@import "${stranger.address}import.css"; i { background: url(${stranger.address}sheet.png) }</style>`,
    `<link rel="stylesheet" href="${stranger.address}link.css"><link rel="preload" as="image" href="${stranger.address}preload.png">`,
    `<body background="${stranger.address}body.png"><p style="background:url('${stranger.address}attribute.png')">Buy now <i>cheap</i></p>`,
    `<img src="${stranger.address}image.png" srcset="${stranger.address}double.png 2x" alt="an offer">`,
    `<img src="//${new URL(stranger.address).host}/no-scheme.png"><img src="no-host.png">`,
    `<video poster="${stranger.address}poster.png" src="${stranger.address}film.mp4" autoplay></video>`,
    `<object data="${stranger.address}object"></object><iframe src="${stranger.address}frame"></iframe></body>`,
  ]),
};
// What a policy refuses is told on the console: that is a wall standing.
const refused = /Content Security Policy|status of 404/;

pageTest(
  'remote_images_are_not_asked_for_until_the_reader_wants_them',
  async (page) => {
    await drop(page, [remoteMail]);
    const body = page.frameLocator('iframe').getByText('Buy now');
    await body.waitFor();
    await page.getByText('5 remote images not loaded').waitFor();
    await setTimeout(1000);
    assert.deepEqual(stranger.asked, []);
    await page.getByRole('button', { name: 'Load them' }).click();
    await body.waitFor();
    for (let waited = 0; stranger.asked.length < 5 && waited < 10_000; waited += 50) await setTimeout(50);
    await setTimeout(500);
    const asked = stranger.asked.splice(0).sort();
    assert.deepEqual(
      asked,
      ['/attribute.png', '/body.png', '/image.png', '/no-scheme.png', '/sheet.png'],
      'images only',
    );
  },
  { mayComplain: refused },
);

pageTest(
  'html_that_acts_is_made_harmless',
  async (page) => {
    await drop(page, [
      {
        name: 'hostile.eml',
        bytes: eml([
          'Subject: <img src=x onerror=alert(1)>',
          'From: "<script>document.title=1</script>" <a@example.com>',
          'Content-Type: text/html',
          '',
          '<script>top.document.title = "owned"</script><img src=x onerror="top.document.title=\'owned\'">',
          '<svg onload="top.document.title=\'owned\'"><a href="javascript:alert(1)">first</a></svg>',
          '<a href="javascript:alert(1)">second</a> <a href="https://example.com/">third</a>',
          '<form action="https://evil.example/"><input name=password><button>Log in</button></form>',
          '<meta http-equiv="refresh" content="0; url=https://evil.example/"><base href="https://evil.example/">',
          '<p>the end</p>',
        ]),
      },
    ]);
    const frame = page.frameLocator('iframe');
    await frame.getByText('the end').waitFor();
    assert.equal(await frame.locator('script, form, input, button, svg, base, meta[http-equiv=refresh]').count(), 0);
    assert.deepEqual(
      await frame
        .locator('a[href]')
        .evaluateAll((links) => links.map((link) => [link.getAttribute('href'), link.target, link.rel])),
      [['https://example.com/', '_blank', 'noopener noreferrer']],
    );
    assert.equal(await page.title(), '<img src=x onerror=alert(1)> – popmail');
    const sandbox = await page.locator('iframe').getAttribute('sandbox');
    assert.ok(!/allow-(scripts|same-origin|forms|top-navigation)/.test(sandbox));
  },
  { mayComplain: refused },
);

pageTest(
  'page_evaluates_no_strings',
  async (page) => {
    const outcome = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.inline = true';
      document.body.append(script);
      return window.inline === undefined;
    });
    assert.equal(outcome, true);
    const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
    assert.ok(!policy.includes("'unsafe-eval'"));
  },
  { mayComplain: refused },
);

pageTest('mbox_gives_its_messages', async (page) => {
  const message = (subject, ...body) => [`Subject: ${subject}`, 'From: a@example.com', '', ...body, ''];
  const mbox = eml([
    'From a@example.com Mon Mar  2 09:14:05 2026',
    ...message('first', 'From here it is far, at 10:30', '>From the sea', '>>From further away'),
    'From b@example.com Tue Mar  3 09:14:05 2026',
    ...message('second', 'x'.repeat(200_000), 'From c@example.com Tue Mar  3 09:14:05 2026 follows no empty line'),
    'From c@example.com Wed Mar  4 09:14:05 2026',
    ...message('third', 'the last one'),
  ]);
  await drop(page, [{ name: 'archive.mbox', bytes: mbox }]);
  await waitForCount(page, 3);
  await open(page, 'first');
  await view(page, 'Text');
  const text = await page.locator('.text').innerText();
  assert.ok(text.includes('From here it is far'));
  assert.ok(text.includes('From the sea'));
  await view(page, 'Structure');
  await page.locator('.source-row', { hasText: />From further away/ }).waitFor();
  assert.deepEqual((await page.locator('.source-text').allTextContents()).slice(3), [
    'From here it is far, at 10:30',
    'From the sea',
    '>From further away',
  ]);
});

pageTest('folder_is_read_whole', async (page) => {
  const folder = `${SCRATCH}folder`;
  await mkdir(`${folder}/deep/er`, { recursive: true });
  await writeFile(`${folder}/one.eml`, 'Subject: one\r\n\r\n1');
  await writeFile(`${folder}/deep/er/two.eml`, 'Subject: two\r\n\r\n2');
  await writeFile(`${folder}/deep/.DS_Store`, 'no mail');
  await page.locator('#folder').setInputFiles(folder);
  await waitForCount(page, 2);
  assert.deepEqual((await page.getByRole('option').evaluateAll((rows) => rows.map((row) => row.title))).sort(), [
    'folder/deep/er/two.eml',
    'folder/one.eml',
  ]);
});

pageTest('folder_and_files_are_dropped_by_hand', async (page) => {
  const folder = `${SCRATCH}dropped`;
  await mkdir(`${folder}/deep/er`, { recursive: true });
  await writeFile(`${folder}/deep/er/two.eml`, 'Subject: two\r\n\r\n2');
  await writeFile(`${folder}/deep/.hidden`, 'no mail');
  const session = await page.context().newCDPSession(page);
  const drag = async (type) => {
    const data = { items: [], files: [folder, samples[0].path], dragOperationsMask: 1 };
    await session.send('Input.dispatchDragEvent', { type, x: 640, y: 400, data });
  };
  await drag('dragEnter');
  await drag('dragOver');
  await page.getByText('Drop to open').waitFor();
  await drag('drop');
  await waitForCount(page, 2);
  await page.getByText('Drop to open').waitFor({ state: 'hidden' });
  assert.deepEqual((await page.getByRole('option').evaluateAll((rows) => rows.map((row) => row.title))).sort(), [
    samples[0].name,
    'dropped/deep/er/two.eml',
  ]);
});

pageTest('what_is_no_mail_is_refused_in_words', async (page) => {
  await drop(page, [
    { name: 'photo.png', bytes: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex') },
    { name: 'empty.eml', bytes: Buffer.alloc(0) },
    { name: 'fine.eml', bytes: eml(['Subject: fine', '', 'text']) },
  ]);
  await waitForCount(page, 1);
  const notices = page.getByRole('alert');
  await notices.getByText('photo.png is not a mail message').waitFor();
  await notices.getByText('empty.eml is empty').waitFor();
  await notices.getByRole('button', { name: 'Close' }).first().click();
  assert.equal(await page.locator('.notice').count(), 1);
});

pageTest('thousands_of_messages_are_listed', async (page) => {
  const messages = Array.from({ length: 5000 }, (_, at) => [
    'From a@example.com Mon Mar  2 09:14:05 2026',
    `Subject: message ${at + 1}`,
    '',
    'text',
    '',
  ]);
  await drop(page, [{ name: 'large.mbox', bytes: eml(messages.flat()) }]);
  await waitForCount(page, 5000);
  const list = page.getByRole('listbox');
  assert.ok((await list.getByRole('option').count()) < 60, 'only rows in sight are in the document');
  await list.focus();
  await page.keyboard.press('End');
  await page.getByRole('heading', { name: 'message 5000', level: 2 }).waitFor();
});

/** Counts the frames that the page draws from now on. */
async function countFrames(page) {
  await page.evaluate(() => {
    const frames = { count: 0, longest: 0 };
    globalThis.frames50 = frames;
    let last = performance.now();
    const tick = (now) => {
      frames.count++;
      frames.longest = Math.max(frames.longest, now - last);
      last = now;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  const start = Date.now();
  return async (what) => {
    const took = Date.now() - start;
    const { count, longest } = await page.evaluate(() => globalThis.frames50);
    console.log(`# ${what} in ${took} ms: ${count} frames, the longest pause ${Math.round(longest)} ms`);
    assert.ok(count > 1, 'the page drew while the message was read');
  };
}

async function largeFile(name, lines) {
  await mkdir(SCRATCH, { recursive: true });
  await writeFile(SCRATCH + name, eml(lines));
  return SCRATCH + name;
}

pageTest('page_stays_awake_while_an_attachment_of_50_megabytes_is_read', async (page) => {
  const content = Buffer.alloc(37_500_000, 'popmail ');
  const body = content.toString('base64').replace(/.{76}/g, '$&\r\n');
  const head = ['Subject: large', 'Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'see the file', '--b'];
  const part = ['Content-Type: application/octet-stream', 'Content-Disposition: attachment; filename=large.bin'];
  const encoding = 'Content-Transfer-Encoding: base64';
  const path = await largeFile('attachment.eml', [...head, ...part, encoding, '', body, '--b--', '']);
  const report = await countFrames(page);
  await page.locator('#files').setInputFiles(path);
  await page.getByRole('heading', { name: 'large', level: 2 }).waitFor();
  await view(page, 'Structure');
  await page.getByRole('treeitem', { name: 'application/octet-stream' }).click();
  await page.locator('.source-row.inside').first().waitFor();
  const source = page.locator('.source');
  await source.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await source.getByText('--b--').waitFor();
  await report('an attachment of 50 MB: listed, opened, its source scrolled to the end');
  const saved = await save(page, 'Download large.bin');
  assert.equal(saved.sha256, createHash('sha256').update(content).digest('hex'));
});

pageTest('page_stays_awake_while_a_text_of_50_megabytes_is_read', async (page) => {
  const line = 'All work and no play makes Jack a dull boy. ¡Ñandú! '.repeat(8);
  const lines = Array.from({ length: 120_000 }, (_, at) => `${at} ${line}`);
  const path = await largeFile('text.eml', ['Subject: large', 'Content-Type: text/plain; charset=utf-8', '', ...lines]);
  const report = await countFrames(page);
  await page.locator('#files').setInputFiles(path);
  await page.getByRole('heading', { name: 'large', level: 2 }).waitFor();
  const text = page.getByRole('region', { name: 'Text of the message' });
  const before = await text.evaluate((element) => element.textContent.length);
  await page.getByRole('button', { name: /^Show more: \d+ MB are left/ }).click();
  await page.waitForFunction((length) => document.querySelector('.text').textContent.length > length, before);
  await report('a text of 50 MB: listed, opened, some more of it shown');
});

pageTest('keyboard_reaches_everything', async (page) => {
  await drop(page, samples);
  await waitForCount(page, samples.length);
  const list = page.getByRole('listbox');
  const heading = page.locator('.subject');
  await page.getByRole('heading', { name: 'Lunch on Thursday?' }).waitFor();
  await list.focus();
  for (let down = 0; down < 3; down++) await page.keyboard.press('ArrowDown');
  await page.getByRole('heading', { name: /^Pläne für das Café/ }).waitFor();
  const active = await list.getAttribute('aria-activedescendant');
  assert.equal(await page.locator(`#${active}`).getAttribute('aria-selected'), 'true');
  await page.keyboard.press('Enter');
  assert.ok(await heading.evaluate((element) => element === document.activeElement));
  await page.getByRole('tab', { name: 'HTML' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.getByRole('tab', { name: 'Structure' }).getAttribute('aria-selected'), 'true');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'treeitem');
  await page.keyboard.press('End');
  await page.locator('.facts').getByText('schedule.csv').waitFor();
  await page.locator('.source-row.inside', { hasText: 'Content-Type: text/csv' }).waitFor();
  await page.keyboard.press('Escape');
  assert.ok(await list.evaluate((element) => element === document.activeElement));
});
