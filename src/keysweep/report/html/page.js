"use strict";
// The table of leaks: filtered, sorted, searched and opened. All text comes in through textContent, never as markup.
(() => {
  const at = (id) => document.getElementById(id);
  if (!at("rows")) return;
  const ROWS = JSON.parse(at("data").textContent);
  const LABELS = JSON.parse(at("labels").textContent);
  const PER_PAGE = 25;
  const MOST_PRINTED = 2000;
  const MOST_PRINTED_OPEN = 50;
  const FILTERS = ["status", "severity", "account", "repository", "author", "age"];
  const ORDERS = { status: Object.keys(LABELS.status), age: Object.keys(LABELS.age), severity: LABELS.severity };
  const COLUMNS = {
    status: (row) => ORDERS.status.indexOf(row.status),
    severity: (row) => -row.rank,
    key: (row) => row.key || row.title,
    account: (row) => row.account || "~",
    where: (row) => row.where,
    author: (row) => row.authors[0] || "~",
    days: (row) => (row.days === null ? 1 : -row.days),
  };
  const VALUES = {
    status: (row) => [row.status],
    severity: (row) => [row.severity],
    account: (row) => [row.account],
    repository: (row) => row.repositories,
    author: (row) => row.authors,
    age: (row) => [row.age],
  };
  const state = { filters: {}, search: "", sort: "", falling: false, page: 0, open: "" };
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  let shown = ROWS;
  let printing = false;

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }

  function label(name, value) {
    const known = LABELS[name];
    if (known && !Array.isArray(known) && Object.hasOwn(known, value)) return known[value];
    return value === "" ? "not known" : value;
  }

  // What is searched, made once for each row when somebody first searches.
  const texts = new Map();
  function text(row) {
    let known = texts.get(row);
    if (known === undefined) {
      const told = [LABELS.status[row.status]];
      for (const name of ["id", "severity", "title", "key", "account", "principal", "repositories", "authors", "where", "entered", "left", "facts", "verified", "contained", "places", "exposures"]) gather(row[name], told);
      known = told.join("\n").toLowerCase();
      texts.set(row, known);
    }
    return known;
  }

  function gather(value, told) {
    if (typeof value === "string") told.push(value);
    else if (value && typeof value === "object") for (const each of Object.values(value)) gather(each, told);
  }

  function select() {
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.entries(state.filters);
    shown = ROWS.filter(
      (row) =>
        wanted.every(([name, value]) => VALUES[name](row).includes(value)) &&
        words.every((word) => text(row).includes(word)),
    );
    if (state.sort) {
      const of = COLUMNS[state.sort];
      const sign = state.falling ? -1 : 1;
      shown.sort((one, other) => {
        const left = of(one);
        const right = of(other);
        return sign * (typeof left === "string" ? compare(left, right) : left - right);
      });
    }
  }

  // The address keeps what is shown, so that a link to it shows the same.
  function address() {
    const parts = new URLSearchParams();
    for (const [name, value] of Object.entries(state.filters)) parts.set(name, value);
    if (state.search) parts.set("search", state.search);
    if (state.sort) parts.set("sort", (state.falling ? "-" : "") + state.sort);
    if (state.page) parts.set("page", String(state.page + 1));
    if (state.open) parts.set("leak", state.open);
    return "#" + (parts.toString() || "leaks");
  }

  function keep() {
    const wanted = address();
    if (location.hash !== wanted) history.replaceState(null, "", wanted);
  }

  function restore(event) {
    if (event && location.hash === "#leaks") return; // only a jump
    const parts = new URLSearchParams(location.hash.slice(1));
    state.filters = {};
    for (const name of FILTERS) if (parts.has(name)) state.filters[name] = parts.get(name);
    state.search = parts.get("search") || "";
    const sort = parts.get("sort") || "";
    state.falling = sort.startsWith("-");
    state.sort = Object.hasOwn(COLUMNS, sort.replace(/^-/, "")) ? sort.replace(/^-/, "") : "";
    state.open = parts.get("leak") || "";
    select();
    const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
    state.page = Math.min(pages - 1, Math.max(0, (parseInt(parts.get("page"), 10) || 1) - 1));
    if (state.open) {
      if (!shown.some((row) => row.id === state.open) && ROWS.some((row) => row.id === state.open)) {
        state.filters = {};
        state.search = "";
        select();
      }
      const place = shown.findIndex((row) => row.id === state.open);
      if (place >= 0) state.page = Math.floor(place / PER_PAGE);
      else state.open = "";
    }
    draw();
    if (state.open) {
      const button = at("open-" + state.open);
      button.scrollIntoView({ block: "start" });
      button.focus({ preventScroll: true });
    } else if (parts.size && !parts.has("leaks")) {
      at("leaks").scrollIntoView();
    }
  }

  function change() {
    state.page = 0;
    state.open = "";
    select();
    draw();
    keep();
  }

  function cell(name, heading, ...children) {
    return element(heading ? "th" : "td", { role: heading ? "rowheader" : "cell", scope: heading && "row", "data-column": name }, ...children);
  }

  function sub(told) {
    return told ? element("span", { class: "sub" }, told) : null;
  }

  function exposed(row) {
    if (row.days === null) return "not known";
    const days = row.days === 1 ? "1 day" : `${row.days} days`;
    return row.days === 0 ? "under a day" : days;
  }

  function drawn(row, opened) {
    const tone = LABELS.tone[row.status];
    const open = element("button", { type: "button", class: "open", id: "open-" + row.id, "aria-expanded": String(opened), "aria-controls": opened ? "detail-" + row.id : null }, row.key || row.title);
    const others = row.copies > 1 ? `and ${row.copies - 1} more` : "";
    const line = element(
      "tr",
      { class: opened ? "row opened" : "row", role: "row", "data-id": row.id },
      cell("status", false, element("span", { class: "badge " + tone }, LABELS.status[row.status]), sub(row.contained && row.status !== "switched-off" ? row.contained.state : "")),
      cell("severity", false, element("span", { class: "severity " + row.severity }, row.severity)),
      cell("key", true, open, sub(row.key ? row.title : "")),
      cell("account", false, row.account || "not known"),
      cell("where", false, row.where, sub([row.repositories.filter(Boolean).map((each) => label("repository", each)).slice(0, 2).join(", "), others].filter(Boolean).join(" "))),
      cell("author", false, row.authors[0] || "unknown", sub(row.authors.length > 1 ? `and ${row.authors.length - 1} more` : "")),
      cell("days", false, exposed(row), sub(row.days === null ? "" : row.there ? "still there" : row.left ? "to " + row.left : "in history")),
    );
    return line;
  }

  function values(pairs) {
    const list = element("dl", { class: "values" });
    for (const [name, value, isCode] of pairs) {
      if (value) list.append(element("dt", {}, name), element("dd", {}, isCode ? element("code", {}, value) : value));
    }
    return list;
  }

  function commits(told, list) {
    if (!list.length) return null;
    const items = list.map((each) => element("li", {}, element("code", {}, each.id.slice(0, 12)), ` ${each.day} ${each.author}`, each.subject ? `: ${each.subject}` : ""));
    return element("div", {}, element("h4", {}, told), element("ul", {}, ...items));
  }

  function exposure(each) {
    const refs = each.refs.map((ref) => ref.replace(/^refs\/(heads\/)?/, "")).join(", ");
    const more = each.more_refs ? ` and ${each.more_refs} more` : "";
    return element(
      "li",
      {},
      element("code", {}, each.path),
      element("div", {}, refs ? `still in ${refs}${more}` : "in no ref's newest commit"),
      commits("Brought by", each.introduced),
      commits("Taken out by", each.removed),
      each.more_commits ? element("p", {}, `${each.more_commits} more commits: the JSON report has them.`) : null,
    );
  }

  function place(each) {
    const [before, marked, after] = each.snippet;
    const told = [each.repository, each.where].filter(Boolean).join("  ");
    return element(
      "li",
      {},
      `${each.role}: `,
      element("code", {}, told),
      each.decoding.length ? element("span", { class: "sub" }, each.decoding.join(" \u2192 ")) : null,
      before || marked || after ? element("pre", { class: "snippet" }, before, marked ? element("mark", {}, marked) : null, after) : null,
      each.also ? element("span", { class: "sub" }, `also in this file at ${each.also.join(", ")}`) : null,
    );
  }

  function section(title, ...children) {
    const told = children.filter(Boolean);
    return told.length ? element("div", {}, element("h3", {}, title), ...told) : null;
  }

  function detail(row) {
    const verified = row.verified ? values([["AWS says", row.verified.text], ["Asked", row.verified.when], ["Request ID", row.verified.request, true]]) : element("p", {}, "AWS was not asked about it.");
    const contained = row.contained
      ? values([["State", row.contained.state], ["When", row.contained.when], ["By", row.contained.operator], ["Run", row.contained.run, true], ["Outcome", row.contained.reason]])
      : element("p", {}, "keysweep's journal on this machine tells of nothing that was done about it.");
    const inside = element(
      "td",
      { colspan: "7", role: "cell" },
      element("div", { class: "step" }, element("h3", {}, "Next step"), element("p", {}, row.step.text), row.step.command ? element("code", { class: "command" }, row.step.command) : null),
      section("What it is", values([["What", row.title], ["Status", `${LABELS.status[row.status]}: ${row.meaning}`], ["Key ID", row.key, true], ["Account", row.account, true], ["Principal", row.principal, true], ["Redacted", row.hidden.join(", ")], ["Confidence", row.confidence], ...row.facts, ["Entered history", row.entered], ["Left history", row.left], ["Fingerprint", row.id, true]])),
      section("Verification", verified),
      section("Containment", contained),
      section("Where it stands", element("ul", {}, ...row.places.map(place)), row.more_places ? element("p", {}, `${row.more_places} more places: the JSON report has them.`) : null),
      row.exposures.length ? section("In history", element("ul", {}, ...row.exposures.map(exposure))) : null,
      section("Why keysweep believes this", element("ul", {}, ...row.reasons.map((reason) => element("li", {}, reason)))),
    );
    return element("tr", { class: "detail", role: "row", id: "detail-" + row.id }, inside);
  }

  function draw() {
    const from = printing ? 0 : state.page * PER_PAGE;
    const rows = shown.slice(from, from + (printing ? MOST_PRINTED : PER_PAGE));
    const openAll = printing && rows.length <= MOST_PRINTED_OPEN;
    const lines = document.createDocumentFragment();
    for (const row of rows) {
      const opened = openAll || row.id === state.open;
      lines.append(drawn(row, opened));
      if (opened) lines.append(detail(row));
    }
    at("rows").replaceChildren(lines);
    const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
    at("pages").hidden = pages === 1;
    at("page").textContent = `Page ${state.page + 1} of ${pages}`;
    at("previous").disabled = state.page === 0;
    at("next").disabled = state.page === pages - 1;
    const by = Object.entries(state.filters).map(([name, value]) => `${name} ${label(name, value)}`);
    if (state.search) by.push(`\u201c${state.search}\u201d`);
    const cut = printing && shown.length > rows.length ? ` The first ${rows.length} are printed.` : "";
    at("shown").textContent = by.length ? `${shown.length} of ${ROWS.length} leaks: ${by.join(", ")}.${cut}` : `${ROWS.length} ${ROWS.length === 1 ? "leak" : "leaks"}, the most urgent first.${cut}`;
    if (state.sort && !by.length) at("shown").textContent = `${ROWS.length} leaks, sorted.${cut}`;
    for (const head of document.querySelectorAll("[data-sort]")) {
      const cellOf = head.parentElement;
      if (head.dataset.sort === state.sort) cellOf.setAttribute("aria-sort", state.falling ? "descending" : "ascending");
      else cellOf.removeAttribute("aria-sort");
    }
    for (const name of FILTERS) at("filter-" + name).value = state.filters[name] ?? "";
    // An empty value is one to filter by (no account is known), and the first option is none.
    for (const name of FILTERS) if (state.filters[name] === "") at("filter-" + name).selectedIndex = Array.from(at("filter-" + name).options).findIndex((each, number) => number && each.value === "");
    if (document.activeElement !== at("search")) at("search").value = state.search;
    for (const link of document.querySelectorAll("[data-filter]")) {
      const isOn = state.filters[link.dataset.filter] === link.dataset.value;
      if (isOn) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function toggle(id) {
    state.open = state.open === id ? "" : id;
    draw();
    keep();
    at("open-" + id).focus({ preventScroll: true });
  }

  function options() {
    for (const name of FILTERS) {
      const counts = new Map();
      for (const row of ROWS) for (const value of VALUES[name](row)) counts.set(value, (counts.get(value) || 0) + 1);
      const order = ORDERS[name];
      const sorted = Array.from(counts.keys()).sort((one, other) =>
        order ? order.indexOf(one) - order.indexOf(other) : counts.get(other) - counts.get(one) || compare(label(name, one), label(name, other)),
      );
      at("filter-" + name).append(...sorted.map((value) => element("option", { value }, `${label(name, value)} (${counts.get(value)})`)));
    }
  }

  function move(step) {
    const buttons = Array.from(document.querySelectorAll(".open"));
    const here = buttons.indexOf(document.activeElement);
    const next = here < 0 ? (step > 0 ? 0 : buttons.length - 1) : here + step;
    if (next >= 0 && next < buttons.length) buttons[next].focus();
    else if (next >= buttons.length && !at("next").disabled) turn(1, "first");
    else if (next < 0 && !at("previous").disabled) turn(-1, "last");
  }

  function turn(step, then) {
    state.page += step;
    state.open = "";
    draw();
    keep();
    const buttons = document.querySelectorAll(".open");
    if (then === "first") buttons[0].focus();
    else if (then === "last") buttons[buttons.length - 1].focus();
    else at("leaks").scrollIntoView();
  }

  at("rows").addEventListener("click", (event) => {
    const row = event.target.closest("tr.row");
    if (row && !String(getSelection())) toggle(row.dataset.id);
  });
  at("table").tHead.addEventListener("click", (event) => {
    const head = event.target.closest("[data-sort]");
    if (!head) return;
    state.falling = state.sort === head.dataset.sort && !state.falling;
    state.sort = head.dataset.sort;
    change();
  });
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("filters").addEventListener("change", (event) => {
    const name = event.target.dataset.name;
    if (!name) return;
    if (event.target.selectedIndex === 0) delete state.filters[name];
    else state.filters[name] = event.target.value;
    change();
  });
  at("filters").addEventListener("reset", () => {
    Object.assign(state, { filters: {}, search: "", sort: "", falling: false });
    change();
  });
  at("search").addEventListener("input", () => {
    state.search = at("search").value;
    change();
  });
  at("previous").addEventListener("click", () => turn(-1));
  at("next").addEventListener("click", () => turn(1));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-filter]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const { filter, value } = link.dataset;
    if (state.filters[filter] === value) delete state.filters[filter];
    else state.filters[filter] = value;
    change();
    at("leaks").scrollIntoView();
    at("leaks").focus({ preventScroll: true });
  });
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const typing = event.target.matches("input, select");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      at("search").focus();
    } else if (event.key === "Escape" && state.open) {
      toggle(state.open);
    } else if (event.key === "Escape" && event.target === at("search")) {
      at("search").value = state.search = "";
      change();
    } else if ((event.key === "ArrowDown" || event.key === "j") && !event.target.matches("select") && (event.key !== "j" || !typing)) {
      if (event.target.closest("summary, .scroll")) return;
      if (event.key === "ArrowDown" && !event.target.closest("#table, #search, #leaks")) return;
      event.preventDefault();
      move(1);
    } else if ((event.key === "ArrowUp" || event.key === "k") && !typing) {
      if (event.key === "ArrowUp" && !event.target.closest("#table")) return;
      event.preventDefault();
      move(-1);
    }
  });
  addEventListener("hashchange", restore);
  addEventListener("beforeprint", () => {
    printing = true;
    draw();
  });
  addEventListener("afterprint", () => {
    printing = false;
    draw();
  });

  for (const id of ["filters", "shown", "keys", "table"]) at(id).hidden = false;
  options();
  restore();
})();
