// Two runs of a case beside each other: chosen by their boxes in the table, by a click on the chart, or by the address.
(() => {
  "use strict";
  const points = JSON.parse(document.getElementById("points").textContent);
  const said = document.getElementById("compared");
  const table = document.querySelector("[aria-label='Runs of this case'] table");
  const marks = points.map((_, place) => document.getElementById(`history-tip-history-0-${place}`));
  const boxes = [];
  let chosen = []; // places, the earlier choice first

  function choose(place) {
    chosen = chosen.includes(place) ? chosen.filter((other) => other !== place) : [...chosen.slice(-1), place];
    show();
    const runs = chosen.map((other) => encodeURIComponent(points[other].run));
    history.replaceState(null, "", runs.length === 2 ? `#compare=${runs.join(",")}` : location.pathname);
  }

  function show() {
    boxes.forEach((box, place) => {
      box.checked = chosen.includes(place);
      box.closest("tr").classList.toggle("chosen", box.checked);
      marks[place]?.classList.toggle("chosen", box.checked);
    });
    said.replaceChildren(...(chosen.length === 2 ? compared(...[...chosen].sort((a, b) => a - b)) : ["Choose two runs."]));
  }

  function compared(first, second) {
    const [a, b] = [points[first], points[second]];
    const [ratio, low, high] = [b.value / a.value, b.low / a.high, b.high / a.low];
    const word = low > 1 ? "slower" : high < 1 ? "faster" : "the intervals overlap";
    const changed = [...new Set(points.slice(first + 1, second + 1).flatMap((point) => point.changed))];
    const told = document.createElement("strong");
    told.textContent = `${ratio.toFixed(3)}x [${low.toFixed(3)}, ${high.toFixed(3)}]: ${word}`;
    const code = document.createElement("code");
    code.textContent = `harness compare ${a.run} ${b.run}`;
    const limits = changed.length ? ` Not to be compared: ${changed.join("; ")}.` : "";
    return [`${named(b)} against ${named(a)}: `, told, `.${limits} This is no verdict: `, code, " gives one."];
  }

  function named(point) {
    return `run ${point.run}${point.commit ? ` (${point.commit})` : ""}`;
  }

  function nearest(event) {
    const away = marks.map((mark) => {
      const box = mark?.getBoundingClientRect();
      return box ? Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY) : Infinity;
    });
    const least = Math.min(...away);
    return least <= 24 ? away.indexOf(least) : -1; // CSS pixels: a finger
  }

  const heading = document.createElement("th");
  heading.scope = "col";
  heading.textContent = "Compare";
  table.tHead.rows[0].cells[0].after(heading);
  [...table.tBodies[0].rows].reverse().forEach((row, place) => { // the table begins with the newest
    const box = document.createElement("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", `Compare ${named(points[place])}`);
    box.addEventListener("change", () => choose(place));
    row.insertCell(1).append(box);
    boxes.push(box);
  });
  document.querySelector("figure svg").addEventListener("click", (event) => {
    const place = nearest(event);
    if (place >= 0) choose(place);
  });
  const wanted = location.hash.match(/^#compare=([^,]+),([^,]+)$/)?.slice(1).map(decodeURIComponent) ?? [];
  const places = wanted.map((run) => points.findIndex((point) => point.run === run));
  if (places.every((place) => place >= 0)) chosen = [...new Set(places)];
  document.getElementById("comparing").hidden = false;
  show();
})();
