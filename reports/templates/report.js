// Works without: a page whose script does not run still shows everything. What this adds: theme, sorting, filtering, hints.
(() => {
  "use strict";
  const root = document.documentElement;
  const THEMES = ["auto", "light", "dark"];

  function stored() {
    try { return localStorage.getItem("theme"); } catch { return null; } // a page opened from disk may have no storage
  }

  function setTheme(button, theme) {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
    try { localStorage.setItem("theme", theme); } catch { /* not kept, that is all */ }
  }

  function addTheme(button) {
    const first = stored();
    setTheme(button, THEMES.includes(first) ? first : "auto");
    button.hidden = false;
    button.addEventListener("click", () => {
      const now = root.dataset.theme || "auto";
      setTheme(button, THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
    });
  }

  function keyOf(row, column) {
    const cell = row.cells[column];
    return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.trim();
  }

  function compare(a, b) {
    const numbers = typeof a === "number" && typeof b === "number";
    return numbers ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  }

  function sortBy(table, heading) {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const empty = (row) => ["-", ""].includes(row.cells[heading.cellIndex].textContent.trim());
    const rows = [...body.rows].map((row) => [keyOf(row, heading.cellIndex), row]);
    rows.sort(([a, x], [b, y]) => empty(x) - empty(y) || (up ? compare(a, b) : compare(b, a))); // unknown stays last
    body.append(...rows.map(([, row]) => row));
  }

  function addSorting(table) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sortBy(table, heading));
    }
  }

  function addFilter(table) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 12) return;
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("span");
    label.className = "filter";
    input.type = "search";
    count.setAttribute("role", "status");
    label.append("Filter rows", input, count);
    table.closest(".scroll").before(label);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
  }

  // A table that is wider than the screen says how much of it is seen.
  function addHint(box) {
    const hint = document.createElement("p");
    const headings = [...box.querySelectorAll("thead tr:first-child > th")];
    hint.className = "hint";
    hint.ariaHidden = "true";
    const filter = box.previousElementSibling;
    (filter?.matches(".filter") ? filter : box).before(hint);
    new ResizeObserver(() => {
      const seen = headings.filter((th) => th.offsetLeft + th.offsetWidth <= box.clientWidth + 1).length;
      hint.hidden = box.scrollWidth <= box.clientWidth + 1;
      hint.textContent = `${seen} of ${headings.length} columns; scroll for the rest →`;
    }).observe(box);
  }

  addTheme(document.getElementById("theme"));
  for (const table of document.querySelectorAll("table.sortable")) {
    addSorting(table);
    addFilter(table);
  }
  for (const box of document.querySelectorAll(".scroll")) addHint(box);
})();
