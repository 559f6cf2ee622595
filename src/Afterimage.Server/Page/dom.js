// Builds elements; text is always text, and nothing is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false)
      continue;
    if (name.startsWith("on"))
      element.addEventListener(name.slice(2), value);
    else
      element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

export const tag = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

export const byId = id => document.getElementById(id);

export function show(element, visible) {
  element.hidden = !visible;
}

/** Sets a text only where it differs, so that screen readers hear changes alone. */
export function say(element, text) {
  if (element.textContent !== text)
    element.textContent = text;
}

export const capital = text => text.charAt(0).toUpperCase() + text.slice(1);
