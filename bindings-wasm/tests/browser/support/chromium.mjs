// Debian's Chromium, without a window and without a network of its own.

import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { CHROMIUM, needPrograms } from './need.mjs';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // This machine and nothing else.
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
];

/** Starts Chromium with an empty profile; it ends with the test file. */
export async function startChromium() {
  needPrograms();
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
  after(() => browser.close());
  return browser;
}

/** Opens an address in a window of its own. What the page complains about is collected in `complaints`. */
export async function openPage(browser, address, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    ...options,
  });
  context.setDefaultTimeout(20_000);
  const complaints = [];
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const page = await context.newPage();
  await page.goto(address);
  return { page, context, complaints };
}
