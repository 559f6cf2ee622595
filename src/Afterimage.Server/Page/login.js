import { ask } from "/page/ask.js";
import { byId, say } from "/page/dom.js";

async function open(token) {
  try {
    await ask("POST", "/api/login", token);
    location.replace("/");
  } catch (fault) {
    say(byId("fault"), fault.message);
    byId("token").focus();
  }
}

byId("form").addEventListener("submit", event => {
  event.preventDefault();
  open(byId("token").value);
});

// The part of a link behind "#" is never sent to a server, and is removed from the history here.
if (location.hash.length > 1) {
  const token = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", "/login");
  open(token);
}
