/** The structure of a message is known while it arrives, wherever it is cut. Runs wherever there is a `Scanner`. */
export function checkScanner({ Scanner, parse }, raw, equal) {
  const scan = (size) => {
    const scanner = new Scanner();
    const events = [];
    for (let at = 0; at < raw.length; at += size) events.push(...scanner.receive(raw.subarray(at, at + size)));
    return [...events, ...scanner.finish()];
  };
  const events = scan(raw.length);
  for (const size of [1, 7, 100]) equal(`in pieces of ${size}`, scan(size), events);
  const { parts } = parse(raw);
  const started = events.filter(({ type }) => type === 'part-started');
  equal('types', started.map(({ part, contentType }) => [part, contentType]), parts.map((part) => [part.index, part.contentType]));
  for (const { part, header } of started) {
    const names = (message) => [...message.headers].map((field) => [field.name, field.value]);
    equal(`fields of part ${part}`, names(parse(header)), names(parts[part]));
  }
  for (const { type, part, start, end } of events) {
    if (type === 'part-ended' && parts[part].children.length === 0) {
      equal(`end of part ${part}`, parts[part].raw.subarray(parts[part].raw.length - (end - start)), raw.subarray(start, end));
    }
  }
  const scanner = new Scanner();
  scanner.finish();
  let code;
  try {
    scanner.receive(raw);
  } catch (error) {
    ({ code } = error);
  }
  equal('after the end', code, 'POP3_ERR_USAGE_STATE');
}
