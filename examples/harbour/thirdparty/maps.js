// Draws the way to the workshop into <div data-map>.
(() => {
  const place = document.querySelector("[data-map]");
  if (!place) return;
  const ns = "http://www.w3.org/2000/svg";
  const draw = (parent, name, attributes, text) => {
    const e = parent.appendChild(document.createElementNS(ns, name));
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    if (text) e.textContent = text;
    return e;
  };
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 640 400");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Map: the workshop stands at the end of Fish Quay, five minutes on foot from the station");
  draw(svg, "rect", { width: 640, height: 400, fill: "#dfe8e6" });
  draw(svg, "path", { d: "M0 0h640v150q-70 30-150 16t-120 40-90 60-130 10-150 54z", fill: "#f2e8cf", stroke: "#b9a97f", "stroke-width": 2 });
  for (const d of ["M0 352q90-44 160-44t130-16 96-62 122-42 132-12", "M0 384q100-36 180-36t140-24 100-62 110-36 110-8"])
    draw(svg, "path", { d, fill: "none", stroke: "#9fb7b4", "stroke-dasharray": "6 5" });
  const streets = { fill: "none", stroke: "#ffffff", "stroke-width": 11, "stroke-linecap": "round", "stroke-linejoin": "round" };
  for (const d of ["M30 60h300l90 70", "M120 0v220", "M240 0v190l-60 50", "M330 60v-60", "M420 130l120-30h100"])
    draw(svg, "path", { d, ...streets });
  draw(svg, "path", { d: "M330 160l92 62 10-14-90-62z", fill: "#cdbb92" });
  draw(svg, "path", { d: "M120 60H330L372 108L345 152L400 200", fill: "none", stroke: "#8f1d55", "stroke-width": 3, "stroke-dasharray": "2 7", "stroke-linecap": "round" });
  draw(svg, "circle", { cx: 120, cy: 60, r: 9, fill: "#1d3a4c" });
  draw(svg, "circle", { cx: 404, cy: 202, r: 10, fill: "#8f1d55" });
  draw(svg, "circle", { cx: 404, cy: 202, r: 4, fill: "#ffffff" });
  const words = { "font-family": "Avenir Next, Gill Sans, Liberation Sans, Arial, sans-serif", fill: "#15232f", "font-size": 15 };
  draw(svg, "text", { x: 134, y: 46, ...words }, "Station");
  draw(svg, "text", { x: 422, y: 214, ...words, "font-weight": 700 }, "Harbour Instruments");
  draw(svg, "text", { x: 200, y: 84, ...words, "font-size": 12, fill: "#4a5862" }, "Chandlers’ Row");
  draw(svg, "text", { x: 470, y: 330, ...words, "font-style": "italic", "font-size": 20, fill: "#3f6672" }, "The Haven");
  place.replaceChildren(svg);
})();
