// A filter above a long table: words, a list for each of some columns, and findings alone. Without it, the table is whole.
for (const figure of document.querySelectorAll("figure.filtered")) {
  const rows = [...figure.querySelector("tbody").rows];
  const cell = (row, column) => row.querySelector(`[data-column="${column}"]`)?.textContent.trim() ?? "";
  const plain = JSON.parse(figure.dataset.plain);
  const form = document.createElement("form");
  form.className = "filter";
  form.setAttribute("aria-label", "Filter the table");

  const labelled = (control, words) => {
    const label = document.createElement("label");
    label.append(words, control);
    form.append(label);
    return control;
  };
  const element = (tag, properties) => Object.assign(document.createElement(tag), properties);

  const find = labelled(element("input", { type: "search", autocomplete: "off" }), "Find ");
  const lists = Object.entries(JSON.parse(figure.dataset.filters)).map(([head, all]) => {
    const column = head.toLowerCase(), list = labelled(element("select", {}), `${head} `), counts = new Map();
    for (const row of rows) counts.set(cell(row, column), (counts.get(cell(row, column)) ?? 0) + 1);
    list.append(new Option(all, ""));
    for (const [value, n] of counts) if (value) list.append(new Option(`${value} (${n})`, value));
    return { column, list };
  });
  const findings = labelled(element("input", { type: "checkbox" }), " Only findings");
  findings.parentElement.prepend(findings);
  const clear = element("button", { type: "reset", textContent: "Show all" });
  const told = element("output", {});
  form.append(clear, told);

  const texts = rows.map((row) => [...row.cells].map((c) => c.textContent).join(" ").toLowerCase());
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      const fits = words.every((word) => texts[i].includes(word))
        && lists.every(({ column, list }) => !list.value || cell(row, column) === list.value)
        && !(findings.checked && plain.includes(cell(row, "verdict")));
      row.classList.toggle("out", !fits);
      shown += fits;
    });
    told.textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  figure.querySelector("figcaption").after(form);
  filter();
}
