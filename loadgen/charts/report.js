"use strict";
// Read-outs and switches of the plots; without it the page loses nothing but these.
for (const plot of document.querySelectorAll(".plot")) {
  const told = JSON.parse(plot.querySelector('script[type="application/json"]').textContent);
  const area = plot.querySelector(".area"), cursor = plot.querySelector(".cursor");
  const readout = cursor.appendChild(document.createElement("div"));
  const hidden = new Set();
  let place = -1;
  readout.className = "readout";

  function line(series) {
    const row = document.createElement("div"), key = document.createElement("i"), value = document.createElement("span");
    row.className = "c-" + series.colour;
    value.textContent = series.values[place];
    row.append(key, series.label, value);
    return row;
  }
  function show(next) {
    place = Math.max(0, Math.min(told.x.length - 1, next));
    const name = document.createElement("b");
    name.textContent = told.named[place];
    readout.replaceChildren(name, ...told.series.filter((series) => !hidden.has(series.id)).map(line));
    cursor.style.left = told.x[place] * 100 + "%";
    cursor.classList.toggle("left", told.x[place] > 0.5);
    cursor.classList.add("on");
  }
  function nearest(at) {
    let best = 0;
    for (let i = 1; i < told.x.length; i++) if (Math.abs(told.x[i] - at) < Math.abs(told.x[best] - at)) best = i;
    return best;
  }
  const hide = () => cursor.classList.remove("on");
  area.addEventListener("pointermove", (event) => {
    const box = area.getBoundingClientRect();
    show(nearest((event.clientX - box.left) / box.width));
  });
  area.addEventListener("pointerleave", hide);
  area.addEventListener("blur", hide);
  area.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (event.key === "Escape") return hide();
    if (step) { show(place + step); event.preventDefault(); }
  });
  for (const button of plot.querySelectorAll("[data-toggle]")) {
    button.addEventListener("click", () => {
      const id = Number(button.dataset.toggle), off = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!off));
      off ? hidden.add(id) : hidden.delete(id);
      for (const drawn of plot.querySelectorAll(`[data-series="${id}"]`)) drawn.classList.toggle("off", off);
    });
  }
}
