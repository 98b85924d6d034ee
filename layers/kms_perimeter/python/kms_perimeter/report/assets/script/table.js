const PAGE = 50;
const PRINTED = 200;
const HEADS = [
  { title: "Standing", of: (key) => rank.get(key.standing) },
  { title: "Key", of: (key) => key.name },
  { title: "Account", of: (key) => key.account },
  { title: "Region", of: (key) => key.region },
  { title: "Perimeter", of: (key) => key.perimeter },
  { title: "Open for", of: (key) => (key.since === null ? -Infinity : ended - key.since) },
  { title: "Enforce", of: (key) => key.enforce },
];
const FILTERS = ["standing", "account", "region", "perimeter"];
const state = { column: 0, down: false, page: 0, expanded: new Set(), shown: keys, printing: false };
const collator = new Intl.Collator("en", { numeric: true });

const compared = (one, other) => typeof one === "number" ? (one === other ? 0 : one < other ? -1 : 1) : collator.compare(one, other);
const order = (one, other) => {
  const { of } = HEADS[state.column];
  const by = compared(of(one), of(other)) * (state.down ? -1 : 1);
  // Among those that stand alike, the longest open first, then by name.
  return by || compared(other.since === null ? -Infinity : ended - other.since, one.since === null ? -Infinity : ended - one.since)
    || collator.compare(one.name, other.name);
};
const chosen = () => {
  const wanted = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const filters = FILTERS.map((name) => [name, byId(name).value]).filter(([, value]) => value);
  return keys.filter((key) => filters.every(([name, value]) => key[name] === value) && matches(key, wanted)).sort(order);
};

const cell = (head, ...children) => el("td", { "data-label": head }, ...children);
const rowOf = (key, place) => {
  const open = state.expanded.has(key);
  const id = `more-${place}`;
  const toggle = el("button", { type: "button", class: "link", "aria-expanded": String(open), "aria-controls": open ? id : null }, key.name);
  toggle.addEventListener("click", () => {
    if (!state.expanded.delete(key)) state.expanded.add(key);
    draw();
    byId("rows").querySelector(`[data-place="${place}"] button`).focus();
  });
  const row = el("tr", { "data-place": place },
    cell("Standing", el("span", { class: `badge ${key.standing}` }, key.standing)),
    el("td", { class: "name" }, toggle, key.name === key.id ? "" : el("small", {}, key.id)),
    cell("Account", key.account), el("td", { "data-label": "Region", class: "region" }, key.region), cell("Perimeter", key.perimeter),
    cell("Open for", key.since === null ? "" : span(key.since)), cell("Enforce", key.enforce));
  return open ? [row, el("tr", { class: "more", id }, el("td", { colspan: HEADS.length }, ...detailsOf(key)))] : [row];
};

const draw = () => {
  const size = state.printing ? PRINTED : PAGE;
  const first = state.printing ? 0 : state.page * PAGE;
  const rows = state.shown.slice(first, first + size);
  byId("rows").replaceChildren(...rows.flatMap((key, place) => rowOf(key, first + place)));
  const all = state.shown.length;
  const some = all === keys.length ? counted(all, "key") : `${all.toLocaleString("en")} of ${counted(keys.length, "key")}`;
  byId("found").textContent = state.printing && all > PRINTED ? `${some}, of which the first ${PRINTED} are printed` : some;
  const pages = Math.max(1, Math.ceil(all / PAGE));
  byId("page").textContent = `Page ${state.page + 1} of ${pages}`;
  byId("previous").disabled = state.page === 0;
  byId("next").disabled = state.page + 1 >= pages;
};
const drawHeads = () => byId("heads").replaceChildren(...HEADS.map((head, place) => {
  const button = el("button", { type: "button" }, head.title);
  button.addEventListener("click", () => {
    state.down = state.column === place ? !state.down : head.title === "Open for";
    state.column = place;
    refresh();
    byId("heads").children[place].querySelector("button").focus();
  });
  const sorted = state.column === place ? (state.down ? "descending" : "ascending") : null;
  return el("th", { scope: "col", "aria-sort": sorted }, button);
}));
const refresh = () => {
  state.shown = chosen();
  state.page = 0;
  drawHeads();
  draw();
  for (const button of document.querySelectorAll("[data-filter]")) {
    button.setAttribute("aria-pressed", String(byId(button.dataset.filter).value === button.dataset.value));
  }
};

const fillFilter = (name) => {
  const count = new Map();
  for (const key of keys) count.set(key[name], (count.get(key[name]) || 0) + 1);
  const names = name === "standing" ? data.standings : [...count.keys()].sort(collator.compare);
  byId(name).append(el("option", { value: "" }, "all"),
    ...names.map((value) => el("option", { value }, `${value} (${count.get(value) || 0})`)));
  byId(name).addEventListener("change", refresh);
};
const turn = (by) => () => {
  state.page += by;
  draw();
  byId("found").scrollIntoView();
};
const startTable = () => {
  FILTERS.forEach(fillFilter);
  byId("search").addEventListener("input", refresh);
  const form = document.querySelector(".filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    showAll();
  });
  byId("previous").addEventListener("click", turn(-1));
  byId("next").addEventListener("click", turn(1));
  byId("unfold").addEventListener("click", () => {
    state.shown.slice(state.page * PAGE, (state.page + 1) * PAGE).forEach((key) => state.expanded.add(key));
    draw();
  });
  for (const button of document.querySelectorAll("[data-filter]")) {
    button.addEventListener("click", () => {
      const filter = byId(button.dataset.filter);
      filter.value = filter.value === button.dataset.value ? "" : button.dataset.value;
      refresh();
      if (filter.value) byId("keys").focus();
    });
  }
  byId("explorer").hidden = false;
  refresh();
};
const showAll = () => {
  for (const name of ["search", ...FILTERS]) byId(name).value = "";
  refresh();
};
// An alert can link to one key: report.html#arn:aws:kms:…
const linked = () => {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return ""; // somebody's link is broken, and the report is not
  }
};
const showLinked = () => {
  const arn = linked();
  if (!keys.some((key) => key.arn === arn)) return;
  if (!state.shown.some((key) => key.arn === arn)) showAll();
  const place = state.shown.findIndex((key) => key.arn === arn);
  state.expanded.add(state.shown[place]);
  state.page = Math.floor(place / PAGE);
  draw();
  const row = byId("rows").querySelector(`[data-place="${place}"]`);
  row.scrollIntoView();
  row.querySelector("button").focus();
};
