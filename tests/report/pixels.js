"use strict";
// Reads a screenshot of several frames, and says of each how dark it is, what its right edge shows, and which series have ink.
const rgb = (text) => (text.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
const image = document.querySelector("img");
const canvas = document.createElement("canvas");
canvas.width = image.naturalWidth;
canvas.height = image.naturalHeight;
const context = canvas.getContext("2d", { willReadFrequently: true });
context.drawImage(image, 0, 0);
const pixels = (x, y, w, h) => context.getImageData(Math.round(x), Math.round(y), Math.max(Math.round(w), 1), Math.max(Math.round(h), 1)).data;

function share(data, holds) {
  let found = 0;
  for (let i = 0; i < data.length; i += 4) if (holds(data[i], data[i + 1], data[i + 2])) found++;
  return (4 * found) / data.length;
}
// A pixel is a series' ink when it lies on the way from the paper to the series' colour, a third of it or more.
function ink(data, paper, colour) {
  const way = colour.map((c, i) => c - paper[i]), length = way.reduce((sum, d) => sum + d * d, 0);
  return Math.round((data.length / 4) * share(data, (...pixel) => {
    const off = pixel.map((c, i) => c - paper[i]), t = off.reduce((sum, d, i) => sum + d * way[i], 0) / length;
    return t > 0.3 && Math.hypot(...off.map((d, i) => d - t * way[i])) < 30;
  }));
}
const said = PROBED.map((frame) => {
  const whole = pixels(frame.x, 0, frame.width, frame.height), paper = rgb(frame.paper);
  return {
    dark: share(whole, (...pixel) => pixel.reduce((a, b) => a + b) < 3 * 90),
    light: share(whole, (...pixel) => pixel.reduce((a, b) => a + b) > 3 * 165),
    edge: share(pixels(frame.x + frame.width - 3, 0, 3, frame.height), (...pixel) => pixel.some((c, i) => Math.abs(c - paper[i]) > 8)),
    series: Object.fromEntries(frame.series.map((each) =>
      [each.name, ink(pixels(frame.x + each.x, each.y, each.width, each.height), rgb(each.paper), rgb(each.colour))])),
  };
});
document.body.dataset.said = JSON.stringify(said);
