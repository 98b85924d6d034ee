const THEME = "kms-perimeter-theme";
// A file opened from a mail may have no storage; then the choice holds for as long as the page is open.
const stored = (action) => {
  try {
    return action(window.localStorage);
  } catch {
    return null;
  }
};
const setTheme = (name) => {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
};
const startTheme = () => {
  const choice = byId("theme");
  choice.value = stored((storage) => storage.getItem(THEME)) || "";
  setTheme(choice.value);
  choice.addEventListener("change", () => {
    setTheme(choice.value);
    stored((storage) => storage.setItem(THEME, choice.value));
  });
  choice.closest("label").hidden = false;
};
