// The stream of cycles: kept open, and reopened with growing pauses after it is lost.

const PAUSES = [1, 2, 4, 8, 15]; // seconds
const LONG_HIDDEN = 60_000; // a sleeping machine may not notice that its connection died

/**
 * Follow `/v1/stream`. `on` has: `cycled(data)`, `reload()` for when everything must be read again, and
 * `state(name, seconds)` for `live`, `connecting` or `lost` with the seconds until the next try.
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
    source = new EventSource(`v1/stream?brief=true${lastId ? `&after=${encodeURIComponent(lastId)}` : ""}`);
    source.addEventListener("hello", (event) => {
      const returned = tries > 0 || lastId;
      tries = 0;
      on.state("live");
      if (returned && !JSON.parse(event.data).resumed) on.reload();
    });
    source.addEventListener("cycled", (event) => received(event, on.cycled));
    source.addEventListener("monitors", (event) => received(event, on.reload));
    source.onerror = lost;
  }

  function received(event, handle) {
    lastId = event.lastEventId || lastId;
    handle(JSON.parse(event.data));
  }

  function lost() {
    source.close();
    // An EventSource does not say why it failed: signed out meanwhile, the service answers with its form.
    fetch("v1/stream", { method: "HEAD" }).then((answer) => answer.status === 401 && location.reload(), () => {});
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
