// fetch, as the protocol wants it: one request, no redirect, no cache, no cookie, and a fault with a name where it fails.

/** What Node says, by the beginning of its code. In browsers there is no more than that it failed. */
const FAULTS = [
  ["resolve", /^(ENOTFOUND|EAI_)/],
  ["connect", /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)/],
  ["tls", /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/],
  ["http", /^(HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_|ERR_HTTP)/],
  ["broken", /^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET|UND_ERR_BODY_TIMEOUT|UND_ERR_HEADERS_TIMEOUT)/],
];

/** The fault that an error of fetch is. `reading` says that the head had come: then at least the connection broke. */
export function fault(error, reading) {
  for (let at = error, depth = 0; at !== null && typeof at === "object" && depth < 8; depth++) {
    const found = FAULTS.find(([, pattern]) => pattern.test(String(at.code ?? "")));
    if (found) {
      return found[0];
    }
    // A name with many addresses has an error for each.
    at = at.cause ?? at.errors?.[0];
  }
  return reading ? "broken" : "other";
}

/** What an error of fetch says, for logs: a code and a sentence of the system's, neither of which has a header in it. */
export function sentence(error) {
  let at = error;
  for (let depth = 0; depth < 8 && (at?.cause ?? at?.errors?.[0]) !== undefined; depth++) {
    at = at.cause ?? at.errors[0];
  }
  return at?.code ? `${at.code}` : `${at?.name ?? "Error"}`;
}

/** Sends a request of the watch's. */
export function send(fetch, { method, url, headers, body }, signal) {
  return fetch(url, {
    method,
    headers: [...headers],
    body,
    signal,
    redirect: "manual",
    cache: "no-store",
    credentials: "omit",
    referrerPolicy: "no-referrer",
  });
}
