// Mail fetched by the example page in Chromium from popmail's own server, over websockify.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort, startBridge, startPop3Server } from './support/bridge.mjs';
import { openPage, startChromium } from './support/chromium.mjs';
import { open, view, waitForCount } from './support/page.mjs';
import { PAGE, SAMPLES } from './support/places.mjs';
import { serveFolder } from './support/static.mjs';

const browser = await startChromium();
const address = await serveFolder(`${PAGE}dist`);
const bridge = await startBridge(await startPop3Server());
const samples = (await readdir(SAMPLES)).filter((name) => name.endsWith('.eml'));

/** Fills the form in and sends it. */
async function fetchMail({ bridge: at = bridge, user = 'ada', password = 'päss wörd', login = 'APOP', allow = false }) {
  const opened = await openPage(browser, address);
  const { page } = opened;
  await page.getByRole('tab', { name: 'POP3 server' }).click();
  await page.getByLabel('WebSocket bridge').fill(at);
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password', { exact: true }).and(page.locator('input[name=password]')).fill(password);
  await page.getByRole('radio', { name: login }).check({ force: true });
  if (allow) await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Fetch mail' }).click();
  return opened;
}

test('mail_is_fetched_with_apop', async () => {
  const { page, complaints } = await fetchMail({});
  await waitForCount(page, samples.length);
  await page.getByText(`Fetched ${samples.length} messages.`).waitFor();
  assert.equal(await page.locator('#progress').evaluate((bar) => bar.value), 1);
  await open(page, 'Pläne für das Café and the schedule');
  await view(page, 'Text');
  await page.locator('.text').getByText('the plans are attached.').waitFor();
  assert.deepEqual(complaints, []);
});

test('mail_is_fetched_with_the_password_where_that_is_allowed', async () => {
  const { page } = await fetchMail({ login: 'Password', allow: true });
  await waitForCount(page, samples.length);
});

test('mail_is_fetched_with_scram_which_shows_no_password', async () => {
  const { page } = await fetchMail({ login: 'Password' });
  await waitForCount(page, samples.length);
});

test('password_is_not_sent_unprotected_unless_that_is_allowed', async () => {
  let heard = '';
  const plain = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('+OK ready\r\n');
    socket.on('data', (octets) => {
      heard += octets.toString('latin1');
      socket.write('+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const { page } = await fetchMail({ bridge: await startBridge(plain.address().port), login: 'Password' });
  await page.getByRole('alert').getByText('POP3_ERR_INSECURE_CLEARTEXT').waitFor();
  assert.equal(heard, 'CAPA\r\n');
  plain.close();
});

test('wrong_password_is_told', async () => {
  const { page } = await fetchMail({ password: 'wrong' });
  await page.getByRole('alert').getByText('POP3_ERR_AUTHENTICATION').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Fetch mail' }).isEnabled(), true);
});

test('missing_bridge_is_told', async () => {
  const { page } = await fetchMail({ bridge: `ws://127.0.0.1:${await freePort()}/` });
  await page.getByRole('alert').getByText('no WebSocket bridge answers').waitFor();
});

test('missing_server_is_told', async () => {
  const { page } = await fetchMail({ bridge: await startBridge(await freePort()) });
  await page.getByRole('alert').getByText('Mail could not be fetched').waitFor();
});

test('fetch_from_a_silent_server_is_cancelled', async () => {
  const silent = createServer((socket) => socket.write('+OK <1.2@example.com>\r\n')).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { page } = await fetchMail({ bridge: await startBridge(silent.address().port) });
  await page.getByText('Connecting…').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Cancelled.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Fetch mail' }).isEnabled(), true);
  assert.equal(await page.locator('.notice').count(), 0);
  silent.close();
});

test('empty_mailbox_is_told', async () => {
  const { page } = await fetchMail({ user: 'nobody', password: 'secret' });
  await page.getByRole('alert').getByText('The mailbox is empty.').waitFor();
});
