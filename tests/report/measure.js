"use strict";
// What a browser made of a page: what sticks out, what overlaps, and which drawings have no ink. Handed to the frame's owner.
const boxes = (selector, root = document) => [...root.querySelectorAll(selector)].filter((each) => each.getClientRects().length);
const box = (each) => each.getBoundingClientRect();
const name = (each) => `${each.tagName}.${each.className.baseVal ?? each.className} ${each.textContent.slice(0, 40)}`;
const within = (inner, outer, slack) =>
  inner.left >= outer.left - slack && inner.right <= outer.right + slack &&
  inner.top >= outer.top - slack && inner.bottom <= outer.bottom + slack;
const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;

function sticking_out() {
  const found = [];
  for (const card of boxes(".card, header, .tiles"))
    for (const each of boxes("svg, h1, h2, p, .label, .tick, .yaxis span, .legend button, dd, dt, td, th, li", card))
      if (!each.closest(".scroll, .cursor") && !within(box(each), box(card), 1)) found.push(name(each));
  for (const area of boxes(".area"))
    for (const each of boxes("path.fill, path.line, path.band, path.dots", area))
      if (box(each).width && !within(box(each), box(area), 4)) found.push(name(each.parentNode) + " leaves its plot");
  return found;
}
function overlapping() {
  const found = [];
  for (const selector of [".flow .label", ".xaxis .tick", ".yaxis span", ".marks span", ".tiles dd"])
    for (const owner of new Set(boxes(selector).map((each) => each.parentNode))) {
      const all = boxes(selector, owner);
      all.forEach((a, i) => all.slice(i + 1).forEach((b) => { if (meet(box(a), box(b))) found.push(`${name(a)} | ${name(b)}`); }));
    }
  return found;
}
function ink() {
  const reach = {};
  for (const plot of boxes(".plot")) {
    const whole = box(plot.querySelector(".area"));
    reach[plot.id] = Math.max(0, ...boxes("path.fill, path.line", plot).map((each) => box(each).width / whole.width));
  }
  for (const flow of boxes(".flow")) reach.flow = boxes(".ribbon", flow).length;
  return reach;
}
function hover() {
  const area = document.querySelector(".area"), at = box(area);
  area.dispatchEvent(new PointerEvent("pointermove", { clientX: at.left + at.width / 2, clientY: at.top + 9, bubbles: true }));
  const said = area.querySelector(".readout").innerText;
  area.dispatchEvent(new PointerEvent("pointerleave"));
  const button = document.querySelector("[data-toggle]");
  button.click();
  const hidden = boxes(`[data-series="${button.dataset.toggle}"]`, button.closest(".plot")).length === 0;
  button.click();
  return { said, hidden };
}
const style = getComputedStyle(document.body);
const measured = {
  width: innerWidth,
  too_wide: document.documentElement.scrollWidth - innerWidth,
  sticking_out: sticking_out(),
  overlapping: overlapping(),
  ink: ink(),
  hover: hover(),
  paper: style.backgroundColor,
  text: style.color,
};
frameElement.dataset.measured = JSON.stringify(measured);
