// A private Dovecot on loopback: real server, own folder, own ports, own certificate. The same recipe
// as bindings-python/tests/dovecot.py.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from './certificates.mjs';

const PROGRAM = '/usr/sbin/dovecot';
const PASSWORD = 'open-sesame';

/** A running server: `port` takes STLS and clear text, `tlsPort` TLS from the first octet. */
export class Dovecot {
  host = '127.0.0.1';
  /** Also listened on, and not in the certificate. */
  otherHost = '127.0.0.2';
  #accounts = 0;

  static async start() {
    if (!existsSync(PROGRAM)) {
      throw new Error('dovecot is missing: apt-get install -y --no-install-recommends dovecot-pop3d');
    }
    const dovecot = new this();
    dovecot.folder = mkdtempSync(join(tmpdir(), 'popmail-dovecot-'));
    chmodSync(dovecot.folder, 0o755); // the mail processes run as another user
    dovecot.port = await freePort();
    dovecot.tlsPort = await freePort();
    dovecot.owner = mailOwner();
    const { cert } = makeCertificate(dovecot.folder);
    dovecot.ca = readFileSync(cert, 'utf8');
    for (const name of ['run', 'state', 'mail', 'home']) {
      dovecot.#makeFolder(name);
    }
    const file = join(dovecot.folder, 'dovecot.conf');
    writeFileSync(file, dovecot.#configuration());
    dovecot.process = spawn(PROGRAM, ['-F', '-c', file], { stdio: 'ignore' });
    await dovecot.#ready();
    return dovecot;
  }

  async stop() {
    const ended = once(this.process, 'exit');
    this.process.kill();
    await ended;
    rmSync(this.folder, { recursive: true });
  }

  /** Makes a new account that holds these messages, which must have CRLF line ends. */
  mailbox(messages = []) {
    const user = `user${(this.#accounts += 1)}`;
    for (const name of ['', 'tmp', 'new', 'cur']) {
      this.#makeFolder(join('mail', user, name));
    }
    const folder = join(this.folder, 'mail', user, 'cur');
    messages.forEach((message, at) => {
      const size = message.length;
      const file = join(folder, `${1_000_000_001 + at}.M${at}P1.loopback,S=${size},W=${size}:2,`);
      writeFileSync(file, message);
      chownSync(file, ...this.owner);
    });
    const contents = () =>
      readdirSync(folder)
        .sort()
        .map((name) => readFileSync(join(folder, name)));
    return { user, password: PASSWORD, contents };
  }

  async #ready() {
    for (let tries = 0; tries < 1_000; tries += 1) {
      if (this.process.exitCode !== null) {
        throw new Error(`dovecot ended: ${readFileSync(join(this.folder, 'dovecot.log'), 'utf8')}`);
      }
      const socket = connect(this.port, this.host);
      const answered = await new Promise((resolve) => {
        socket.once('data', () => resolve(true)).once('error', () => setTimeout(resolve, 20, false));
      });
      socket.destroy();
      if (answered) {
        return;
      }
    }
    throw new Error('dovecot does not answer');
  }

  #makeFolder(name) {
    const path = join(this.folder, name);
    mkdirSync(path);
    if (!['run', 'state'].includes(name)) {
      chownSync(path, ...this.owner);
    }
  }

  #configuration() {
    const { folder, owner } = this;
    const me = userInfo().username;
    const root = process.getuid() === 0;
    // Without root every process runs as ourselves, and none can be locked into a folder.
    const services = ['anvil', 'stats', 'ipc', 'pop3-login', 'auth', 'auth-worker', 'pop3'];
    const group = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim();
    return `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/dovecot.log
protocols = pop3
listen = ${this.host}, ${this.otherHost}
default_internal_user = ${root ? 'dovecot' : me}
default_internal_group = ${root ? 'dovecot' : group}
default_login_user = ${root ? 'dovenull' : me}
mail_location = maildir:${folder}/mail/%u
mail_uid = ${owner[0]}
mail_gid = ${owner[1]}
first_valid_uid = 1
mail_max_userip_connections = 1000
auth_mechanisms = plain login cram-md5 apop scram-sha-1 scram-sha-256
auth_failure_delay = 0
disable_plaintext_auth = yes
passdb {
  driver = static
  args = password=${PASSWORD}
}
userdb {
  driver = static
  args = uid=${owner[0]} gid=${owner[1]} home=${folder}/home/%u
}
ssl = yes
ssl_cert = <${folder}/certificate.pem
ssl_key = <${folder}/key.pem
service pop3-login {
  inet_listener pop3 {
    port = ${this.port}
  }
  inet_listener pop3s {
    port = ${this.tlsPort}
    ssl = yes
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
${root ? '' : services.map((name) => `service ${name} {\n  chroot =\n  user = ${me}\n}\n`).join('')}`;
  }
}

/** Who owns the mail: never root, which Dovecot refuses. */
function mailOwner() {
  if (process.getuid() !== 0) {
    return [process.getuid(), process.getgid()];
  }
  const id = (flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return [id('-u'), id('-g')];
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
