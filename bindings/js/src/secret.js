// What may not be shown: not by console.log, util.inspect, JSON.stringify, String() or a debugger's view of an object.
//
// The values are in a WeakMap of this module. Private fields would do for Node, but the consoles of browsers show them.

const hidden = new WeakMap();
const inspect = Symbol.for("nodejs.util.inspect.custom");

/** A text that is never shown. `expose()` is the one way to it, so that every use can be found by its name. */
export class Secret {
  constructor(text) {
    hidden.set(this, text);
    Object.freeze(this);
  }

  expose() {
    return hidden.get(this);
  }

  toString() {
    return "[secret]";
  }

  toJSON() {
    return "[secret]";
  }

  [inspect]() {
    return "[secret]";
  }
}

/** The headers of a request: they can be iterated, as `fetch` does; only their names are shown. */
export class RequestHeaders {
  constructor(pairs) {
    hidden.set(this, pairs);
    Object.freeze(this);
  }

  *[Symbol.iterator]() {
    for (const [name, value] of hidden.get(this)) {
      yield [name, value];
    }
  }

  toString() {
    return this.toJSON().join(", ");
  }

  toJSON() {
    return hidden.get(this).map(([name]) => name);
  }

  [inspect]() {
    return this.toJSON();
  }
}

/** A wake. Its URL may carry a secret in its query, and so is had but not shown. */
export class Wake {
  kind = "wake";

  constructor({ url, token, session, waitForViewerMs }) {
    hidden.set(this, url);
    this.token = new Secret(token);
    if (session !== undefined) {
      this.session = session;
    }
    this.waitForViewerMs = waitForViewerMs;
    Object.freeze(this);
  }

  get url() {
    return hidden.get(this);
  }

  [inspect]() {
    return { ...this };
  }
}
