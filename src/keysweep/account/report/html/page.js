"use strict";
// The table of keys: filtered, sorted and searched. The page has every row already; this only orders and hides them.
(() => {
  const at = (id) => document.getElementById(id);
  const PER_STEP = 100;
  const FILTERS = ["severity", "rule", "account", "age", "state"];
  const COLUMNS = {
    severity: (row) => -Number(row.dataset.rank),
    key: (row) => text(row, "key"),
    account: (row) => row.dataset.account,
    age: (row) => -Number(row.dataset.days),
    used: (row) => text(row, "used"),
    may: (row) => text(row, "may"),
    wrong: (row) => -row.dataset.rule.split(" ").length,
  };
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  const state = { filters: {}, search: "", sort: "", falling: false, most: PER_STEP };
  const ROWS = at("rows") ? Array.from(at("rows").rows) : [];
  const texts = new Map();
  let printing = false;

  function text(row, column) {
    return row.querySelector(`[data-column=${column}]`).textContent;
  }

  function told(row) {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase() + " " + row.dataset.rule);
    return texts.get(row);
  }

  function fits(row, words) {
    for (const [name, value] of Object.entries(state.filters)) {
      const has = name === "rule" ? row.dataset.rule.split(" ").includes(value) : row.dataset[name] === value;
      if (!has) return false;
    }
    return words.every((word) => told(row).includes(word));
  }

  function draw() {
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of ROWS) {
      const isThere = fits(row, words);
      count += isThere;
      row.hidden = !isThere || (!printing && count > state.most);
    }
    const by = Object.entries(state.filters).map(([name, value]) => `${name} ${label(name, value)}`);
    if (state.search) by.push(`\u201c${state.search}\u201d`);
    const order = state.sort ? "sorted" : "the most urgent first";
    const keys = ROWS.length === 1 ? "key" : "keys";
    at("shown").textContent = by.length ? `${count} of ${ROWS.length} ${keys}: ${by.join(", ")}.` : `${ROWS.length} ${keys}, ${order}.`;
    at("pages").hidden = count <= state.most;
    at("further").textContent = `Show ${Math.min(PER_STEP, count - state.most)} more of ${count}`;
    for (const name of FILTERS) at("filter-" + name).value = state.filters[name] ?? "";
    if (document.activeElement !== at("search")) at("search").value = state.search;
    for (const head of document.querySelectorAll("[data-sort]")) {
      const cell = head.parentElement;
      if (head.dataset.sort === state.sort) cell.setAttribute("aria-sort", state.falling ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    for (const link of document.querySelectorAll("[data-filter]")) {
      if (state.filters[link.dataset.filter] === link.dataset.value) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function label(name, value) {
    const option = Array.from(at("filter-" + name).options).find((each) => each.value === value);
    return option ? option.textContent : value;
  }

  function change() {
    state.most = PER_STEP;
    draw();
  }

  function sort(column) {
    state.falling = state.sort === column && !state.falling;
    state.sort = column;
    const of = COLUMNS[column];
    const sign = state.falling ? -1 : 1;
    const keyed = ROWS.map((row) => [of(row), row]);
    keyed.sort(([one], [other]) => sign * (typeof one === "string" ? compare(one, other) : one - other));
    ROWS.splice(0, ROWS.length, ...keyed.map(([, row]) => row));
    at("rows").append(...ROWS);
    change();
  }

  // What a link leads to may stand in parts of the page that are closed.
  function reveal() {
    let target = null;
    try {
      target = at(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return;
    }
    const closed = target && target.closest("details");
    if (!closed) return;
    for (let each = closed; each; each = each.parentElement) if (each.localName === "details") each.open = true;
    closed.scrollIntoView({ block: "start" });
    closed.querySelector("summary").focus({ preventScroll: true });
  }

  async function copy(button) {
    const command = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(command.textContent);
      at("copied").textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(command);
      at("copied").textContent = "Selected: copy it with your keyboard.";
    }
    setTimeout(() => (at("copied").textContent = ""), 3000);
  }

  // A button beside each command, made when what holds it is opened: a page may have thousands.
  function equip(details) {
    for (const command of details.querySelectorAll(":scope > .ways dd:not(.copying) > code, :scope > div > .ways dd:not(.copying) > code")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.setAttribute("aria-label", `Copy: ${command.textContent.slice(0, 80)}`);
      command.parentElement.classList.add("copying");
      command.after(button);
    }
  }

  document.addEventListener("toggle", (event) => event.target.open && equip(event.target), true);
  for (const each of document.querySelectorAll("details[open]")) equip(each);
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copying > button");
    if (button) copy(button);
  });
  addEventListener("hashchange", reveal);
  if (!ROWS.length) return reveal();

  for (const cell of at("table").tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.sort = cell.dataset.column;
    button.textContent = cell.textContent;
    cell.replaceChildren(button);
  }
  at("table").tHead.addEventListener("click", (event) => {
    const head = event.target.closest("[data-sort]");
    if (head) sort(head.dataset.sort);
  });
  at("filters").hidden = false;
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("filters").addEventListener("change", (event) => {
    const { name } = event.target.dataset;
    if (!name) return;
    if (event.target.selectedIndex === 0) delete state.filters[name];
    else state.filters[name] = event.target.value;
    change();
  });
  at("filters").addEventListener("reset", () => {
    Object.assign(state, { filters: {}, search: "" });
    change();
  });
  at("search").addEventListener("input", () => {
    state.search = at("search").value;
    change();
  });
  at("further").addEventListener("click", () => {
    state.most += PER_STEP;
    draw();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-filter]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const { filter, value } = link.dataset;
    if (state.filters[filter] === value) delete state.filters[filter];
    else state.filters[filter] = value;
    change();
    at("keys").scrollIntoView();
    at("keys").focus({ preventScroll: true });
  });
  addEventListener("beforeprint", () => {
    printing = true;
    draw();
  });
  addEventListener("afterprint", () => {
    printing = false;
    draw();
  });
  draw();
  reveal();
})();
