// Sleep on a server-sent event stream, and be woken through it. What there is and how it is used is in README.md, and
// each piece of it in dormouse.d.ts.

export { Code } from "./code.js";
export { Decoder } from "./decoder.js";
export { watch } from "./driver.js";
export { ClosedError, DormouseError } from "./error.js";
export { version } from "./library.js";
export { Watch } from "./watch.js";
