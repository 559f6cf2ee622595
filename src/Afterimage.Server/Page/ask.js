/** Sends something to the server; a refusal is thrown as its sentence. */
export async function ask(method, url, body) {
  let answer;
  try {
    answer = await fetch(url, { method, body, headers: method === "GET" ? {} : { "X-Afterimage": "page" } });
  } catch {
    throw new Error("The server does not answer: see whether it still runs.");
  }
  if (answer.status === 401 && !url.endsWith("/login"))
    location.assign("/login");
  const text = await answer.text();
  const said = text ? JSON.parse(text) : null;
  if (!answer.ok)
    throw new Error(said?.fault ?? `The server answers with status ${answer.status}.`);
  return said;
}
