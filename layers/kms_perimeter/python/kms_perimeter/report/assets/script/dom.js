// What nobody can see, or turns the text beside it around, is shown to be there.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
const shown = (child) => (typeof child === "string" ? child.replace(UNSEEN, "\ufffd") : child);
// Elements are only ever made like this: what comes from AWS becomes text, never markup.
const el = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== "").map(shown));
  return made;
};
const byId = (id) => document.getElementById(id);
// Between backticks stands what is quoted from a policy.
const marked = (text) => text.split("`").map((part, place) => (place % 2 ? el("code", {}, part) : part));
