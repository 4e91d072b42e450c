// The table of trials: sorts by a column, filters by words, conditions and choices, shows a page at a time.
// Without a table on the page it does nothing.
(() => {
  "use strict";
  const source = document.getElementById("trials-data");
  if (!source) return;
  const { columns, page, choices } = JSON.parse(source.textContent);
  const count = columns[0].values.length;
  const head = document.querySelector("#trials thead tr");
  const body = document.querySelector("#trials tbody");
  const words = document.getElementById("filter");
  const told = document.getElementById("told");
  const [before, after] = document.querySelectorAll(".pages button");
  let sorted = { column: columns[0], down: false };
  let rows = [];
  let first = 0;

  // JSON has no numbers for these.
  const strange = { inf: Infinity, "-inf": -Infinity, nan: NaN };
  const number = (text) => text in strange ? strange[text] : Number(text);
  for (const column of columns)
    if (column.numeric) column.values = column.values.map((value) => typeof value === "string" ? number(value) : value);

  // A value as the table shows it: of a measured number four digits are enough to look at.
  function shown(column, row) {
    const value = column.values[row];
    if (value === null) return "-";
    if (!column.numeric || column.whole) return String(value);
    if (!Number.isFinite(value)) return Object.keys(strange).find((word) => Object.is(strange[word], value));
    return Math.abs(value) >= 1e6 ? value.toExponential(3) : String(Number(value.toPrecision(4)));
  }

  const order = new Intl.Collator("en", { numeric: true });
  const items = (text) => text.startsWith("[") ? text.split(",").length : 0;

  const larger = (a, b) => Number.isNaN(a) - Number.isNaN(b) || (a > b) - (a < b);

  // Numbers by size, nan beyond them, lists by length, other texts by the alphabet; absent values last, either way.
  function compare(a, b, down) {
    if (a === null || b === null) return (a === null) - (b === null);
    const found = typeof a === "number" ? larger(a, b) : items(a) - items(b) || order.compare(a, b);
    return down ? -found : found;
  }

  function columnOf(name) {
    return columns.find((column) => column.key === name || column.label === name) ||
      columns.find((column) => column.key.endsWith("." + name));
  }

  const tests = {
    "=": (a, b) => compare(a, b) === 0, "!=": (a, b) => compare(a, b) !== 0,
    "<": (a, b) => compare(a, b) < 0, ">": (a, b) => compare(a, b) > 0,
    "<=": (a, b) => compare(a, b) <= 0, ">=": (a, b) => compare(a, b) >= 0,
  };

  // "loss=rll", "test_accuracy<0.9": a condition on a column; anything else is a text somewhere in the row.
  function condition(term) {
    const parts = /^([^=<>!]+)(!=|<=|>=|=|<|>)(.+)$/.exec(term);
    const column = parts && columnOf(parts[1]);
    if (column) {
      const wanted = column.numeric ? number(parts[3]) : parts[3];
      const sized = (value) => value !== null && !(Number.isNaN(value) && /[<>]/.test(parts[2]));
      return (row) => sized(column.values[row]) && tests[parts[2]](column.values[row], wanted);
    }
    const text = term.toLowerCase();
    return (row) => columns.some((one) => shown(one, row).toLowerCase().includes(text));
  }

  function conditions() {
    const terms = (words.value.match(/(?:[^\s"]|"[^"]*"?)+/g) || []).map((term) => term.replaceAll('"', ""));
    const chosen = [...document.querySelectorAll(".controls select")].filter((choice) => choice.value !== "");
    return [
      ...terms.filter(Boolean).map(condition),
      ...chosen.map((choice) => (row) => String(columns[choice.dataset.column].values[row]) === choice.value),
    ];
  }

  function select() {
    const wanted = conditions();
    rows = [];
    for (let row = 0; row < count; row++) if (wanted.every((test) => test(row))) rows.push(row);
    const { values } = sorted.column;
    rows.sort((a, b) => compare(values[a], values[b], sorted.down) || a - b);
    first = 0;
    show();
  }

  function cell(column, row) {
    const made = document.createElement("td");
    made.textContent = shown(column, row);
    if (column.numeric) made.className = "number";
    else if (column.key === "message") made.className = "message";
    else if (column.key === "outcome" && column.values[row] !== "done") made.className = "wrong";
    return made;
  }

  function show() {
    const last = Math.min(first + page, rows.length);
    body.replaceChildren(...rows.slice(first, last).map((row) => {
      const line = document.createElement("tr");
      line.append(...columns.map((column) => cell(column, row)));
      return line;
    }));
    const part = rows.length > page ? `, shown ${first + 1} to ${last}` : "";
    told.textContent = `${rows.length} of ${count} trials${part}`;
    before.disabled = first === 0;
    after.disabled = last === rows.length;
    before.parentElement.classList.toggle("one", rows.length <= page);
  }

  function header(column) {
    const made = document.createElement("th");
    const button = document.createElement("button");
    made.scope = "col";
    made.title = column.key;
    if (column.numeric) made.className = "number";
    button.type = "button";
    button.textContent = column.label;
    button.addEventListener("click", () => {
      sorted = { column, down: sorted.column === column && !sorted.down };
      for (const other of head.children) other.removeAttribute("aria-sort");
      made.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      select();
    });
    made.append(button);
    return made;
  }

  function choice(index) {
    const column = columns[index];
    const label = document.createElement("label");
    const made = document.createElement("select");
    const values = [...new Set(column.values)].sort((a, b) => compare(a, b, false));
    made.dataset.column = index;
    made.append(new Option("all", ""), ...values.map((value) => new Option(value === null ? "-" : value, String(value))));
    made.addEventListener("change", select);
    label.append(column.label, made);
    return label;
  }

  head.append(...columns.map(header));
  head.firstElementChild.setAttribute("aria-sort", "ascending");
  document.querySelector(".controls").append(...choices.map(choice));
  words.addEventListener("input", select);
  before.addEventListener("click", () => { first = Math.max(0, first - page); show(); });
  after.addEventListener("click", () => { first += page; show(); });
  select();
})();
