const fold = (title, text, open = false) => el("details", { open }, el("summary", {}, title), block(text));
const block = (text) => el("pre", { tabindex: "0" }, text);

const stepOf = (step) => el("li", { class: `step ${step.kind}` },
  el("b", {}, step.label), step.text, step.note ? el("small", {}, step.note) : "",
  step.statement ? fold("The statement", step.statement) : "");

const pathOf = (key, path) => el("div", { class: "escape" },
  el("p", {}, ...marked(path.sentence)),
  el("ol", { class: "path", "aria-label": "The path of the escape" }, ...path.steps.map(stepOf)),
  el("p", {}, `Open by rule ${path.rule}, route ${path.route}: `, ...path.operations.flatMap((name, place) =>
    [place ? ", " : "", el("code", {}, name)])),
  fold("The request, as kms-perimeter evaluate reads it",
    JSON.stringify({ ...path.request, resource: key.arn }, null, 2)));

const diffClass = (line) => {
  if (/^(\+\+\+|---|@@)/.test(line)) return "at";
  return line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "";
};
const diffOf = (diff) => el("pre", { class: "diff", tabindex: "0", "aria-label": "The change of the policy" },
  ...diff.replace(/\n$/, "").split("\n").map((line) => el("span", { class: diffClass(line) || null }, `${line}\n`)));

const planOf = (plan) => {
  if (!plan) return [];
  const proofs = plan.proofs.map((proof) => el("li", {}, proof.holds ? "shown: " : "not shown: ", ...marked(proof.sentence)));
  return [
    el("h3", {}, plan.refused ? "The change that would close it, refused" : "The change that would close it"),
    plan.refused ? el("p", { class: "refused" }, ...marked(plan.refused)) : "",
    plan.diff ? diffOf(plan.diff) : el("p", {}, "No change of the policy."),
    ...plan.losses.map((loss) => el("p", {}, "What would be lost: ", ...marked(loss))),
    proofs.length ? el("details", {}, el("summary", {}, "What was shown of the new policy"), el("ul", {}, ...proofs)) : "",
  ];
};

const openedBy = (opened) => {
  const by = opened.event ? `${opened.actor}, by ${opened.event}` : opened.actor;
  const from = [opened.source_ip && ` from ${opened.source_ip}`, opened.vpc_endpoint_id && ` through ${opened.vpc_endpoint_id}`];
  return by + from.filter(Boolean).join("");
};
const factsOf = (key) => {
  const facts = [["ARN", key.arn], ["Aliases", key.aliases.join(", ")], ["Key", key.kind], ["Tags", key.tags.join(", ")],
    ["Perimeter", key.mode ? `${key.perimeter}, in mode ${key.mode}` : key.perimeter]];
  if (key.opened) facts.push(["Open since", `${key.opened.at.slice(0, 16).replace("T", " ")} UTC (${span(key.since)})`], ["Opened by", openedBy(key.opened)]);
  return el("dl", { class: "facts" }, ...facts.filter(([, value]) => value)
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
};
// Where docs/ is published, what is told leads to the page that explains it.
const explained = (word, node) => (data.pages[word] || "").startsWith("https://")
  ? el("a", { href: data.pages[word], rel: "noreferrer", target: "_blank" }, node) : node;
const advisoriesOf = (advisories) => advisories.length ? [el("h3", {}, "Also worth knowing"),
  el("ul", {}, ...advisories.map((one) => el("li", {}, explained(one.code, el("code", {}, one.code)), " ", ...marked(one.message))))] : [];

const meaningOf = (standing) => {
  const place = data.pages[standing];
  if (!place) return [];
  const told = "What it means, and what to do";
  return [place.startsWith("https://") ? el("p", {}, explained(standing, told)) : el("p", {}, `${told}: `, el("code", {}, place))];
};

const detailsOf = (key) => {
  const { reason, exception, paths = [], advisories = [], plan } = detailAt(key.detail);
  return [
    factsOf(key),
    exception ? el("p", {}, exception) : "",
    reason ? el("p", {}, ...marked(reason)) : "",
    paths.length ? el("h3", {}, "How a request gets in from outside") : "",
    ...paths.map((path) => pathOf(key, path)),
    ...planOf(plan),
    paths.length && !plan ? el("p", { class: "none" }, "No plan was asked for: scan --plan shows the change that would close it.") : "",
    ...advisoriesOf(advisories),
    ...meaningOf(key.standing),
    key.console.startsWith("https://") ? el("p", {}, el("a", { href: key.console, rel: "noreferrer", target: "_blank" }, "The key in the AWS console")) : "",
  ];
};
