(() => {
  "use strict";

  // Tables sort by the button in a column's heading; totals at the foot stay.
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const raw = "value" in cell.dataset ? cell.dataset.value : cell.textContent.trim();
    return raw === "" ? null : isNaN(raw) ? raw.toLowerCase() : Number(raw);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    if (!table.tBodies.length || table.tBodies[0].rows.length < 3) continue;
    const headings = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const numeric = !heading.classList.contains("text");
        const before = heading.getAttribute("aria-sort");
        const down = before ? before === "ascending" : numeric;
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row, column), row]);
        rows.sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null);
          return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
        });
        table.tBodies[0].append(...rows.map(([, row]) => row));
      });
    });
  }

  // A figure opens enlarged, and closes with Escape, the cross, or a click beside it.
  const dialog = document.getElementById("large");
  const stage = dialog.querySelector(".large-scroll");
  for (const button of document.querySelectorAll("button.enlarge")) {
    button.addEventListener("click", () => {
      const picture = button.querySelector("picture").cloneNode(true);
      stage.replaceChildren(picture);
      dialog.showModal();
    });
  }
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  // On paper everything is open.
  window.addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details:not([open])")) {
      each.open = true;
      each.dataset.opened = "";
    }
  });
  window.addEventListener("afterprint", () => {
    for (const each of document.querySelectorAll("details[data-opened]")) {
      each.open = false;
      delete each.dataset.opened;
    }
  });
})();
