/** The form that fetches mail from a POP3 server behind a WebSocket bridge. */

import { proxy, type Remote } from 'comlink';
import type { Engine, FetchProgress, Listener } from '../api.ts';
import { byId } from './dom.ts';
import { count, size } from './format.ts';
import { notify, notifyError } from './notices.ts';

export function setUpFetch(engine: Remote<Engine>, listener: Listener): void {
  const form = byId<HTMLFormElement>('fetch-form');
  const submit = byId<HTMLButtonElement>('fetch');
  const cancel = byId<HTMLButtonElement>('cancel');
  const bar = byId<HTMLProgressElement>('progress');
  const text = byId('progress-text');

  const report = ({ phase, messages, totalMessages, octets, totalOctets }: FetchProgress) => {
    // It has a port of its own: the last of them may come after the result.
    if (!submit.disabled) return;
    if (phase === 'connecting') {
      bar.removeAttribute('value');
      text.textContent = 'Connecting…';
    } else {
      bar.value = totalOctets > 0 ? octets / totalOctets : 1;
      text.textContent = `${messages.toLocaleString()} of ${count(totalMessages, 'message')}, ${size(octets)} of ${size(totalOctets)}`;
    }
  };

  const busy = (isBusy: boolean) => {
    submit.disabled = isBusy;
    cancel.hidden = !isBusy;
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    const field = (name: string) => String(fields.get(name) ?? '');
    byId('fetch-progress').hidden = false;
    busy(true);
    try {
      const mailbox = {
        bridge: field('bridge'),
        user: field('user'),
        password: field('password'),
        auth: field('auth') === 'apop' ? 'apop' : 'auto',
        allowCleartext: fields.has('cleartext'),
      } as const;
      const fetched = await engine.fetchMail(mailbox, proxy(listener), proxy(report));
      text.textContent = fetched === null ? 'Cancelled.' : `Fetched ${count(fetched, 'message')}.`;
      bar.value = fetched === null ? 0 : 1;
      if (fetched === 0) notify({ title: 'No mail', detail: 'The mailbox is empty.' });
    } catch (error) {
      byId('fetch-progress').hidden = true;
      notifyError('Mail could not be fetched', error);
    } finally {
      busy(false);
    }
  });
  // APOP never sends the password.
  const cleartext = form.elements.namedItem('cleartext') as HTMLInputElement;
  form.addEventListener('change', () => {
    cleartext.disabled = new FormData(form).get('auth') === 'apop';
  });
  cancel.addEventListener('click', () => void engine.cancelFetch());
}
