// Elements, and how a drawn page is brought up to date without losing focus, scroll or what is open.

const SVG = "http://www.w3.org/2000/svg";
const HANDLERS = ["onclick", "oninput", "onchange", "ontoggle", "onsubmit"];

/** Make an HTML element. A property that is null or false is left out; `key` tells siblings apart. */
export function h(tag, properties, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** Make an SVG element. */
export function s(tag, properties, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (HANDLERS.includes(name)) element[name] = value;
    else if (name === "value" || name === "checked") element[name] = value;
    else if (name === "key") element.dataset.key = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A place that keeps what was mounted into it, however often the page is drawn around it. */
export function slot(name, properties) {
  return h("div", { key: name, "data-slot": name, ...properties });
}

/** Make the children of `live` those of `fresh`, changing as little as can be. */
export function patch(live, fresh) {
  const keyed = new Map();
  for (const child of live.childNodes) if (child.dataset?.key) keyed.set(child.dataset.key, child);
  let at = live.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = wanted.dataset?.key;
    const known = key ? keyed.get(key) : at && !at.dataset?.key && alike(at, wanted) ? at : null;
    if (known && alike(known, wanted)) {
      if (known === at) at = at.nextSibling;
      else moved(live, known, at);
      update(known, wanted);
    } else {
      live.insertBefore(wanted, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// A move that keeps the focus, where the browser has it.
function moved(parent, child, before) {
  if (parent.moveBefore) parent.moveBefore(child, before);
  else parent.insertBefore(child, before);
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName;
}

function update(live, fresh) {
  if (live.nodeType === Node.TEXT_NODE) {
    if (live.data !== fresh.data) live.data = fresh.data;
    return;
  }
  for (const { name } of [...live.attributes]) {
    // What a person opened stays open; what was mounted draws itself.
    if (!fresh.hasAttribute(name) && !(name === "open" && live.nodeName === "DETAILS")) live.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) if (live.getAttribute(name) !== value) live.setAttribute(name, value);
  for (const name of HANDLERS) if (live[name] !== fresh[name]) live[name] = fresh[name];
  if (live.nodeName === "INPUT") {
    if (live.checked !== fresh.checked) live.checked = fresh.checked;
    if (live !== document.activeElement && live.value !== fresh.value) live.value = fresh.value;
  }
  if (live.nodeName === "SELECT") {
    const value = fresh.value; // before its options move
    patch(live, fresh);
    if (live.value !== value) live.value = value;
    return;
  }
  if (!live.dataset.slot) patch(live, fresh);
}
