// A chart's figure as a PNG: title, legend and plot, painted with the colours that the page has now.
// The page's policy lets no image load from a script's data, so the shapes are painted one by one.

const SCALE = 2;
const EDGE = 16;
const LINE = 18;

/** Paint a figure that holds a heading, a legend and a plot of SVG; resolves to a blob. */
export function picture(figure, subtitle) {
  const plot = figure.querySelector(".plot svg");
  const [width, height] = [Number(plot.getAttribute("width")), Number(plot.getAttribute("height"))];
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const legend = placed(context, [...figure.querySelectorAll(".legend > span")], width);
  const top = EDGE + LINE + LINE + legend.height + 8;
  canvas.width = (width + 2 * EDGE) * SCALE;
  canvas.height = (top + height + EDGE) * SCALE;
  context.scale(SCALE, SCALE);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  context.fillStyle = colour("--panel");
  context.fillRect(0, 0, width + 2 * EDGE, top + height + EDGE);
  context.translate(EDGE, EDGE);
  words(context, figure.querySelector("h3").textContent, 0, 13, `650 15px ${family()}`, colour("--ink"), width);
  words(context, subtitle, 0, 13 + LINE, `12.5px ${family()}`, colour("--soft"), width);
  context.translate(0, 2 * LINE);
  for (const { x, y, swatch, text } of legend.entries) {
    context.save();
    context.translate(x, y);
    if (swatch) paint(context, swatch);
    context.restore();
    words(context, text, x + 24, y + 10, `12.5px ${family()}`, colour("--soft"), width - x - 24);
  }
  context.translate(0, legend.height + 8);
  paint(context, plot);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

const family = () => getComputedStyle(document.body).fontFamily;

// The legend's entries, in as many lines as they need.
function placed(context, spans, width) {
  context.font = `12.5px ${family()}`;
  const entries = [];
  let [x, y] = [0, 0];
  for (const span of spans) {
    const text = span.textContent;
    const wide = 24 + context.measureText(text).width + 18;
    if (x && x + wide > width) [x, y] = [0, y + LINE];
    entries.push({ x, y, text, swatch: span.querySelector("svg") });
    x += wide;
  }
  return { entries, height: entries.length ? y + LINE : 0 };
}

function words(context, text, x, y, font, colour, room) {
  context.font = font;
  context.fillStyle = colour;
  context.textAlign = "start";
  let shown = text;
  if (context.measureText(shown).width > room) {
    let [low, high] = [0, Math.min(text.length, 1000)];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (context.measureText(`${text.slice(0, middle)}…`).width > room) high = middle - 1;
      else low = middle;
    }
    shown = `${text.slice(0, low)}…`;
  }
  context.fillText(shown, x, y);
}

function paint(context, element) {
  for (const child of element.children) {
    if (child.classList.contains("cursor") || child.tagName === "title") continue;
    const style = getComputedStyle(child);
    if (child.tagName === "path") outline(context, new Path2D(child.getAttribute("d") ?? ""), style);
    else if (child.tagName === "rect") outline(context, rectangle(child), style);
    else if (child.tagName === "text") label(context, child, style);
    else paint(context, child);
  }
}

function rectangle(element) {
  const path = new Path2D();
  path.rect(...["x", "y", "width", "height"].map((name) => Number(element.getAttribute(name))));
  return path;
}

function outline(context, path, style) {
  context.globalAlpha = Number(style.opacity);
  if (style.fill !== "none") {
    context.fillStyle = style.fill;
    context.fill(path);
  }
  if (style.stroke !== "none") {
    context.strokeStyle = style.stroke;
    context.lineWidth = parseFloat(style.strokeWidth);
    context.lineCap = style.strokeLinecap;
    context.lineJoin = style.strokeLinejoin;
    context.setLineDash(style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[ ,]+/).map(parseFloat));
    context.stroke(path);
  }
  context.globalAlpha = 1;
}

function label(context, element, style) {
  context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.fillStyle = style.fill;
  context.textAlign = { middle: "center", end: "end" }[style.textAnchor] ?? "start";
  context.fillText(element.textContent, Number(element.getAttribute("x")), Number(element.getAttribute("y")));
}
