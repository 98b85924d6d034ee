// Elements are only ever made like this: what comes from AWS becomes text, never markup.
const el = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
};
const byId = (id) => document.getElementById(id);
// Between backticks stands what is quoted from a policy.
const marked = (text) => text.split("`").map((part, place) => (place % 2 ? el("code", {}, part) : part));
