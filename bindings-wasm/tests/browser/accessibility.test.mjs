// The example page by the rules of axe (WCAG 2.2 A and AA), in both colour schemes, wide and narrow.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { openPage, startChromium } from './support/chromium.mjs';
import { drop, open, view } from './support/page.mjs';
import { PAGE, SAMPLES } from './support/places.mjs';
import { serveFolder } from './support/static.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const samples = readdirSync(SAMPLES)
  .filter((name) => name.endsWith('.eml'))
  .map((name) => ({ name, path: SAMPLES + name }));
const browser = await startChromium();
const address = await serveFolder(`${PAGE}dist`);

async function violations(page, where) {
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      iframes: false,
    });
    return violations.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`).join(' | ')}`,
    );
  });
  return found.map((line) => `${where}: ${line}`);
}

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1280, 390]) {
    test(`page_breaks_no_rule_at_${width}_${colorScheme}`, async () => {
      const { page, context } = await openPage(browser, address, {
        colorScheme,
        viewport: { width, height: 800 },
        reducedMotion: 'reduce',
      });
      await page.evaluate(axe);
      const found = await violations(page, 'welcome');
      await page.getByRole('tab', { name: 'POP3 server' }).click();
      found.push(...(await violations(page, 'POP3')));
      await drop(page, [...samples, { name: 'empty.eml', bytes: Buffer.alloc(0) }]);
      found.push(...(await violations(page, 'list')));
      await open(page, 'Pläne für das Café and the schedule');
      for (const name of ['HTML', 'Text', 'Structure', 'Headers', 'Defects']) {
        await view(page, name);
        found.push(...(await violations(page, name)));
      }
      assert.deepEqual(found, []);
      await context.close();
    });
  }
}
