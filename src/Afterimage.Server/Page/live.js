import { byId, say } from "/page/dom.js";

/**
 * Listens to a stream of events while the page is in view: a hidden page gives its connection back, and gets everything anew when it
 * is looked at again.
 */
export function follow(url, handlers) {
  const sign = byId("connection");
  let source = null;

  const tell = (words, open) => {
    say(sign, words);
    sign.classList.toggle("open", open);
  };

  function open() {
    if (source)
      return;
    source = new EventSource(url);
    source.addEventListener("open", () => tell("live", true));
    source.addEventListener("error", () => {
      tell("connecting", false);
      if (source?.readyState === EventSource.CLOSED)
        close(5000);
    });
    for (const [name, handle] of Object.entries(handlers))
      source.addEventListener(name, event => handle(JSON.parse(event.data)));
  }

  function close(again) {
    source?.close();
    source = null;
    tell("paused", false);
    if (again)
      setTimeout(() => document.hidden || open(), again);
  }

  document.addEventListener("visibilitychange", () => document.hidden ? close() : open());
  addEventListener("pagehide", () => close());
  addEventListener("pageshow", () => document.hidden || open());
  open();
}
