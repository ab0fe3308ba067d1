// What a person does with the page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

/** Drops files on the page: objects with `name` and either `path` or `bytes`. */
export async function drop(page, files) {
  const contents = await Promise.all(
    files.map(async ({ name, path, bytes }) => [name, (bytes ?? (await readFile(path))).toString('base64')]),
  );
  await page.evaluate((dropped) => {
    const dataTransfer = new DataTransfer();
    for (const [name, base64] of dropped) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      dataTransfer.items.add(new File([bytes], name));
    }
    for (const type of ['dragenter', 'dragover', 'drop']) {
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }
  }, contents);
}

/** Opens a message of the list by its subject. */
export async function open(page, subject) {
  await page.getByRole('listbox').getByRole('option', { name: subject }).click();
  await page.getByRole('heading', { name: subject, level: 2 }).waitFor();
}

/** Chooses a view of the message: “HTML”, “Text”, … */
export async function view(page, name) {
  await page.getByRole('tablist', { name: 'Views of the message' }).getByRole('tab', { name }).click();
}

/** How many messages the list has. */
export async function count(page) {
  const text = await page.locator('#count').textContent();
  return Number(text.replaceAll(',', ''));
}

/** Waits until the list has this many messages. */
export async function waitForCount(page, expected) {
  await page
    .locator('#count')
    .filter({ hasText: new RegExp(`^${expected.toLocaleString('en')}$`) })
    .waitFor();
  assert.equal(await count(page), expected);
}

/** Text of the message as an .eml file. */
export function eml(lines) {
  return Buffer.from(lines.join('\r\n'));
}
