// The time, with what the device slept through.
//
// The clock of timers stands still while a device is suspended, and a lease does not wait for a closed laptop. So a second
// clock is looked at, one that goes on: where it has run ahead the device was suspended. In Node that is the system's
// uptime, elsewhere the wall clock, which is also set by people and by NTP: a step forward of two seconds is then
// taken for a suspend, and costs a connect.

/** Less than this is the two clocks being read one after the other, and coarse. */
const NOTICEABLE_MS = 2000;

const os = globalThis.process?.getBuiltinModule?.("node:os");

export class Clock {
  #steady;
  #counting;
  #drifts;
  #origin;
  #ahead;
  #suspended = 0;
  #resumed = false;

  /** The clocks can be others, for tests. One that `drifts` is a wall clock, whose small changes mean nothing. */
  constructor({ steady = () => performance.now(), counting, drifts } = {}) {
    this.#steady = steady;
    this.#counting = counting ?? (os ? () => os.uptime() * 1000 : () => Date.now());
    this.#drifts = drifts ?? (counting === undefined && os === undefined);
    this.#origin = this.#steady();
    this.#ahead = this.#counting() - this.#origin;
  }

  /** Whole milliseconds since the clock was made. They never run backwards. */
  now() {
    const steady = this.#steady();
    const ahead = this.#counting() - steady;
    const gap = ahead - this.#ahead;
    if (gap >= NOTICEABLE_MS) {
      this.#suspended += gap;
      this.#resumed = true;
      this.#ahead = ahead;
    } else if (this.#drifts) {
      this.#ahead = ahead;
    }
    return Math.floor(steady - this.#origin + this.#suspended);
  }

  /** Whether the device was suspended since this was last asked. */
  resumed() {
    this.now();
    const resumed = this.#resumed;
    this.#resumed = false;
    return resumed;
  }
}
