// The two calls of `node:fs` that the drivers of the vectors make, for a page: files are the server's.

export function readFileSync(url) {
  const request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.send();
  if (request.status !== 200) throw new Error(`${url}: ${request.status}`);
  return request.responseText;
}

export function readdirSync(url) {
  return JSON.parse(readFileSync(new URL('listing.json', url)));
}
