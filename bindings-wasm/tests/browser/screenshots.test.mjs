// Pictures of the page, for people to look at: target/screenshots.

import { mkdir } from 'node:fs/promises';
import { test } from 'node:test';
import { openPage, startChromium } from './support/chromium.mjs';
import { drop, eml } from './support/page.mjs';
import { PAGE, SCREENSHOTS } from './support/places.mjs';
import { serveFolder } from './support/static.mjs';

const browser = await startChromium();
const address = await serveFolder(`${PAGE}dist`);
await mkdir(SCREENSHOTS, { recursive: true });

const odd = {
  name: 'odd.eml',
  bytes: eml([
    'From: "Ada Park" <ada@example.com>',
    'From: someone.else@example.net',
    'Subject: Everything must go',
    'Date: Fri, 30 Feb 2024 25:61:00 +0000',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/html; charset=x-klingon',
    '',
    '<h1 style="font-family:Georgia,serif">Half price</h1><p>until Sunday, while stocks last.</p>',
    '<img src="https://shop.example/banner.png" alt="our shop" width="300" height="80"> <img src="https://shop.example/pixel.gif">',
    '--b',
    'Content-Type: application/pdf; name="../../terms.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    'cG9wbWFpbA==cG9w',
  ]),
};

for (const width of [1280, 390]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`pictures_at_${width}_${colorScheme}`, async () => {
      const isPhone = width < 700;
      const { page, context } = await openPage(browser, address, {
        viewport: { width, height: isPhone ? 844 : 800 },
        deviceScaleFactor: isPhone ? 2 : 1,
        hasTouch: isPhone,
        colorScheme,
      });
      const shoot = async (name) => {
        await page.evaluate(() => document.fonts.ready);
        await page.screenshot({ path: `${SCREENSHOTS}${width}-${colorScheme}-${name}.png` });
      };
      const list = page.getByRole('listbox');
      const open = async (subject) => {
        if (isPhone && (await page.getByRole('button', { name: 'Messages' }).isVisible())) {
          await page.getByRole('button', { name: 'Messages' }).click();
        }
        await list.getByRole('option', { name: subject }).click();
        await page.getByRole('heading', { name: subject }).waitFor();
      };

      await shoot('welcome');
      await page.getByRole('tab', { name: 'POP3 server' }).click();
      await shoot('pop3');
      await page.getByRole('tab', { name: 'Files' }).click();
      await page.getByRole('button', { name: 'Try sample mail' }).click();
      await list.getByRole('option', { name: 'Lunch on Thursday?' }).waitFor();
      await shoot('list');
      await open('Pläne für das Café and the schedule');
      await page.frameLocator('iframe').getByText('Hello Ben').waitFor();
      await shoot('html');
      await page.getByRole('tab', { name: 'Structure' }).click();
      await page.getByRole('treeitem', { name: 'image/png' }).first().click();
      await page.locator('.source-row.inside').first().waitFor();
      await shoot('structure');
      await open('Lunch on Thursday?');
      await page.getByRole('tab', { name: 'Text' }).click();
      await shoot('text');
      await open('The lighthouse');
      await page.frameLocator('iframe').getByRole('img').waitFor();
      await shoot('inline-image');
      await page.getByRole('tab', { name: 'Headers' }).click();
      await shoot('headers');
      if (isPhone) {
        await page.getByRole('button', { name: 'Messages' }).click();
      }
      await drop(page, [odd, { name: 'photo.png', bytes: Buffer.from('89504e470d0a1a0a', 'hex') }]);
      await page.locator('.notice').waitFor();
      await page
        .getByRole('heading', { name: 'Everything must go', includeHidden: true })
        .waitFor({ state: 'attached' });
      await list.focus();
      await page.keyboard.press('Enter');
      await page.frameLocator('iframe').getByText('Half price').waitFor();
      await shoot('remote-images');
      await page.getByRole('button', { name: 'Close' }).click();
      await page.getByRole('tab', { name: 'Defects' }).click();
      await shoot('defects');
      await context.close();
    });
  }
}
