// Pictures of the page, for people to look at: target/screenshots.

import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { openPage, startChromium } from './support/chromium.mjs'
import { PAGE, SCREENSHOTS } from './support/places.mjs'
import { serveFolder } from './support/static.mjs'

const browser = await startChromium()
const address = await serveFolder(`${PAGE}dist`)
await mkdir(SCREENSHOTS, { recursive: true })

for (const width of [1280, 390]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`pictures_at_${width}_${colorScheme}`, async () => {
      const isPhone = width < 700
      const { page, context } = await openPage(browser, address, {
        viewport: { width, height: isPhone ? 844 : 800 },
        deviceScaleFactor: isPhone ? 2 : 1,
        hasTouch: isPhone,
        colorScheme,
      })
      const shoot = async (name) => {
        await page.evaluate(() => document.fonts.ready)
        await page.screenshot({ path: `${SCREENSHOTS}${width}-${colorScheme}-${name}.png` })
      }
      const list = page.getByRole('listbox')
      const open = async (subject) => {
        if (isPhone && (await page.getByRole('button', { name: 'Messages' }).isVisible())) {
          await page.getByRole('button', { name: 'Messages' }).click()
        }
        await list.getByRole('option', { name: subject }).click()
        await page.getByRole('heading', { name: subject }).waitFor()
      }

      await shoot('welcome')
      await page.getByRole('tab', { name: 'POP3 server' }).click()
      await shoot('pop3')
      await page.getByRole('tab', { name: 'Files' }).click()
      await page.getByRole('button', { name: 'Try sample mail' }).click()
      await list.getByRole('option', { name: 'Lunch on Thursday?' }).waitFor()
      await shoot('list')
      await open('Pläne für das Café and the schedule')
      await page.frameLocator('iframe').getByText('Hello Ben').waitFor()
      await shoot('html')
      await page.getByRole('tab', { name: 'Structure' }).click()
      await page.getByRole('treeitem', { name: 'image/png' }).first().click()
      await page.locator('.source-row.inside').first().waitFor()
      await shoot('structure')
      await open('Lunch on Thursday?')
      await page.getByRole('tab', { name: 'Text' }).click()
      await shoot('text')
      await open('The lighthouse')
      await page.frameLocator('iframe').getByRole('img').waitFor()
      await shoot('inline-image')
      await page.getByRole('tab', { name: 'Headers' }).click()
      await shoot('headers')
      await context.close()
    })
  }
}
