startTheme();
startTable();
startChart();
showLinked();
window.addEventListener("hashchange", showLinked);
// "/" begins a search, as on many sites; not while somebody types.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
  event.preventDefault();
  byId("search").focus();
});
// On paper there are no pages to turn: what the filters leave is printed, up to a bound.
window.addEventListener("beforeprint", () => { state.printing = true; draw(); });
window.addEventListener("afterprint", () => { state.printing = false; draw(); });
