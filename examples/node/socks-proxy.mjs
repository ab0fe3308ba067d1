// Lists a mailbox through a SOCKS5 proxy (Tor, `ssh -D`).
//
//   npm install popmail socks
//   POPMAIL_PASSWORD=… node socks-proxy.mjs --host pop.example.com --user me --proxy 127.0.0.1:9050
//
// The proxy looks up the name, and reads nothing: TLS runs through it to the server itself, whose
// certificate is checked.

import { SocksClient } from 'socks';

import { connect, options } from './connect.mjs';

const given = options({ proxy: { type: 'string', default: '127.0.0.1:1080' } });
const [, proxyHost, proxyPort] = /^(.*):(\d+)$/.exec(given.proxy);

async function throughProxy() {
  const { socket } = await SocksClient.createConnection({
    proxy: { host: proxyHost, port: Number(proxyPort), type: 5 },
    command: 'connect',
    destination: { host: given.host, port: Number(given.port ?? 995) },
    timeout: 60_000,
  });
  return socket;
}

const box = await connect({ ...given, socket: throughProxy });
try {
  for await (const { number, octets, subject } of box.summaries()) {
    console.log(`${number} ${octets} ${subject ?? '(no subject)'}`);
  }
  await box.quit();
} finally {
  box.close();
}
