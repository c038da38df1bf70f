"use strict";
// Where each series of a page is drawn, and in which colour; handed to the frame's owner.
const paperOf = (each) => {
  for (let at = each; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/^rgba\(.*, 0\)$|^transparent$/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
};
const series = [];
for (const plot of document.querySelectorAll(".plot"))
  for (const path of plot.querySelectorAll("path.line, path.fill")) {
    const at = path.getBoundingClientRect(), style = getComputedStyle(path), line = path.classList.contains("line");
    if (at.width < 40 || at.height < 4) continue;
    const colour = line ? style.stroke : style.fill;
    if (!colour.startsWith("rgb")) continue;
    series.push({ name: `${plot.id} ${series.length}`, x: at.left, y: at.top, width: at.width, height: at.height, colour, paper: paperOf(path.parentElement) });
  }
frameElement.dataset.probed = JSON.stringify({ paper: getComputedStyle(document.body).backgroundColor, width: innerWidth, series });
