// The stream of cycles: kept open, and opened again with growing pauses when it is lost.

const PAUSES = [1, 2, 4, 8, 15]; // seconds
const LONG_HIDDEN = 60_000; // a sleeping machine may not notice that its connection died

/**
 * Follow `/v1/stream`. `on` has: `cycle(data)`, `trouble(data)`, `anew()` for when everything must be read again,
 * and `state(name, seconds)` for `live`, `connecting` or `lost` with the seconds until the next try.
 */
export function follow(on) {
  let source = null;
  let lastId = "";
  let tries = 0;
  let timer = 0;
  let hiddenAt = 0;

  function open() {
    clearTimeout(timer);
    source?.close();
    on.state("connecting");
    source = new EventSource(`v1/stream${lastId ? `?after=${encodeURIComponent(lastId)}` : ""}`);
    source.addEventListener("hello", (event) => {
      const returned = tries > 0 || lastId;
      tries = 0;
      on.state("live");
      if (returned && !JSON.parse(event.data).resumed) on.anew();
    });
    source.addEventListener("cycle", (event) => told(event, on.cycle));
    source.addEventListener("trouble", (event) => told(event, on.trouble));
    source.addEventListener("monitors", (event) => told(event, on.anew));
    source.onerror = lost;
  }

  function told(event, tell) {
    lastId = event.lastEventId || lastId;
    tell(JSON.parse(event.data));
  }

  function lost() {
    source.close();
    const pause = PAUSES[Math.min(tries, PAUSES.length - 1)];
    tries += 1;
    wait(pause);
  }

  function wait(seconds) {
    if (seconds <= 0) return open();
    on.state("lost", seconds);
    timer = setTimeout(() => wait(seconds - 1), 1000);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (Date.now() - hiddenAt > LONG_HIDDEN) open();
  });
  addEventListener("online", open);
  open();
  return { now: open };
}
