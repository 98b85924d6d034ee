const data = JSON.parse(byId("data").textContent);
const NO_PERIMETER = "none";
const ended = Date.parse(data.ended);
const rank = new Map(data.standings.map((standing, place) => [standing, place]));

const keys = data.keys.map((values) => {
  const key = Object.fromEntries(data.columns.map((column, place) => [column, values[place]]));
  const [, , , region, account, resource] = key.arn.split(":");
  const id = resource.split("/").pop();
  return {
    ...key, region, account, id, name: key.aliases[0] || id, perimeter: key.perimeter || NO_PERIMETER,
    since: key.opened ? Date.parse(key.opened.at) : null,
  };
});
// What many keys have in common is kept once, and a number stands for it.
const told = (value) => {
  if (typeof value === "number") return told(data.kept[value]);
  if (Array.isArray(value)) return value.map(told);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, told(member)]));
};
const detailAt = (place) => (place < 0 ? {} : told(place));

// What a search looks at is put together once for each key, and once for each detail that keys share.
const words = new Map();
const detailWords = (place) => {
  if (!words.has(place)) {
    const detail = detailAt(place);
    const paths = (detail.paths || []).flatMap((path) => [path.sentence, path.request.principal, ...path.operations, ...path.steps.map((step) => step.text)]);
    const codes = (detail.advisories || []).map((advisory) => advisory.code);
    words.set(place, [detail.reason, detail.exception, ...paths, ...codes].join("\n").toLowerCase());
  }
  return words.get(place);
};
const textOf = (key) => {
  key.text ||= [key.standing, key.arn, ...key.aliases, key.perimeter, key.mode, key.kind, ...key.tags,
    key.opened && key.opened.actor].join("\n").toLowerCase();
  return key.text;
};
const matches = (key, wanted) =>
  wanted.every((word) => textOf(key).includes(word) || detailWords(key.detail).includes(word));

const counted = (count, unit) => `${count.toLocaleString("en")} ${unit}${count === 1 ? "" : "s"}`;
const span = (since) => {
  const minutes = Math.max(0, Math.floor((ended - since) / 60000));
  if (minutes >= 1440) return counted(Math.floor(minutes / 1440), "day");
  return minutes >= 60 ? counted(Math.floor(minutes / 60), "hour") : counted(minutes, "minute");
};
