"use strict";
// Draws the messages of the page. Texts only ever become text nodes.
const data = JSON.parse(document.getElementById("data").textContent);
const byNumber = new Map(data.messages.map((one) => [one.number, one]));
const AT_ONCE = 500;
const SIGNS = { handled: "\u2713", "not handled": "\u00b7" };

function make(tag, text = "", name = "") {
  const found = document.createElement(tag);
  found.textContent = text;
  if (name) found.className = name;
  return found;
}
const byId = (id) => document.getElementById(id);
const failed = (one) => !(one.outcome in SIGNS);
const kind = (one) => (failed(one) ? "failed" : one.outcome === "handled" ? "handled" : "");
const pad = (number, digits) => String(number).padStart(digits, "0");

function clock(when) {
  const at = new Date(when * 1000);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((one) => pad(one, 2));
  return `${time.join(":")}.${pad(at.getMilliseconds(), 3)}`;
}
function took(seconds) {
  if (seconds === null) return "";
  return seconds < 1 ? `${(seconds * 1000).toFixed(1)} ms` : `${seconds.toFixed(1)} s`;
}
const listed = (params) =>
  params.map(([name, value]) => `${name}=${value}`).join(" ");

// Searching

for (const one of data.messages) {
  const handlers = one.handlers.map((step) => step.handler).join(" ");
  one.text = [
    `#${one.number}`, one.name, one.sender, one.outcome, one.by, handlers, one.reply.retvalue,
    listed(one.params), listed(one.reply.params),
  ].join(" ").toLowerCase();
}
function wanted() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const call = byId("call").value;
  const numbers = call === "" ? null : new Set(data.calls[call].numbers);
  return data.messages.filter(
    (one) =>
      (numbers === null || numbers.has(one.number)) &&
      (!byId("failed").checked || failed(one)) &&
      words.every((word) => one.text.includes(word)),
  );
}

// The list

let shown = [];
let drawn = 0;
function row(one) {
  const line = make("tr");
  line.id = `m${one.number}`;
  line.append(
    make("td", clock(one.when)),
    make("td", `#${one.number}`),
    make("td", "  ".repeat(Math.min(one.depth, 8)) + one.name),
    make("td", SIGNS[one.outcome] || "!", kind(one)),
    make("td", failed(one) ? `${one.by} ${one.outcome}` : one.by, failed(one) ? "failed" : ""),
    make("td", took(one.seconds)),
    make("td", one.reply.retvalue && `\u2192 ${one.reply.retvalue.slice(0, 200)}`, "answer"),
    make("td", listed(one.params).slice(0, 400), "params"),
  );
  line.addEventListener("click", () => choose(one.number));
  return line;
}
function draw() {
  const part = shown.slice(drawn, drawn + AT_ONCE);
  byId("rows").append(...part.map(row));
  drawn += part.length;
  const left = shown.length - drawn;
  byId("more").hidden = left === 0;
  byId("more").textContent = `${left} more`;
}
function search() {
  shown = wanted();
  drawn = 0;
  byId("rows").replaceChildren();
  byId("count").textContent = `${shown.length} of ${data.messages.length} messages`;
  draw();
}

// A journey

function table(rows, heads = []) {
  const found = make("table");
  if (heads.length) {
    const line = make("tr");
    line.append(...heads.map((head) => make("th", head)));
    found.append(line);
  }
  for (const cells of rows) {
    const line = make("tr");
    line.append(...cells.map((cell) => (cell instanceof Node ? cell : make("td", cell))));
    found.append(line);
  }
  return found;
}
function changes(step) {
  const cell = make("td");
  const line = (sign, text) =>
    cell.append(make("div", `${sign} ${text}`, sign === "-" ? "minus" : "plus"));
  if (step.renamed) line("+", `name ${step.renamed}`);
  for (const change of step.changes) {
    if (change.before !== null) line("-", `${change.name}=${change.before}`);
    if (change.after !== null) line("+", `${change.name}=${change.after}`);
  }
  if (step.retvalue !== null) line("+", `return ${step.retvalue}`);
  if (step.remark) cell.append(make("div", step.remark));
  return cell;
}
function timed(step, longest) {
  const cell = make("td");
  const asked = step.result !== "not asked";
  if (asked && step.seconds !== null) {
    const bar = make("span", "", "bar");
    bar.style.width = `${longest > 0 ? Math.max(1, (80 * step.seconds) / longest) : 1}px`;
    cell.append(bar, ` ${took(step.seconds)}`);
  }
  return cell;
}
function link(number, text) {
  const found = make("a", text);
  found.href = `#m${number}`;
  found.addEventListener("click", (event) => {
    event.preventDefault();
    choose(number);
  });
  return found;
}
function choose(number) {
  const one = byNumber.get(number);
  if (one === undefined) return;
  document.querySelectorAll("#rows .chosen").forEach((line) => line.classList.remove("chosen"));
  const line = byId(`m${number}`);
  if (line !== null) {
    line.classList.add("chosen");
    line.scrollIntoView({ block: "nearest" });
  }
  const longest = Math.max(0, ...one.handlers.map((step) => step.seconds || 0));
  const handlers = one.handlers.map((step) => [
    String(step.priority), step.handler, timed(step, longest), step.result, changes(step),
  ]);
  const head = make("p", `${clock(one.when)}, from ${one.sender}, ${one.outcome} `, kind(one));
  head.append(took(one.seconds));
  const related = make("p");
  if (byNumber.has(one.parent)) related.append(link(one.parent, `within #${one.parent}`), " ");
  if (one.among.length) {
    related.append(`within one of ${one.among.map((number) => `#${number}`).join(", ")} `);
  }
  for (const child of data.messages.filter((other) => other.parent === number)) {
    related.append(link(child.number, `#${child.number} ${child.name}`), " ");
  }
  const reply = `${one.reply.handled ? "handled" : "not handled"} ${
    one.reply.retvalue && `return ${one.reply.retvalue}`}`;
  byId("journey").replaceChildren(
    make("h2", `#${one.number} ${one.name}`),
    head,
    related,
    handlers.length
      ? table(handlers, ["prio", "handler", "took", "result", "changed"])
      : make("p", "Nobody was asked, as far as is known."),
    ...one.kept_out.map((kept) =>
      make("p", `kept out by its filter: ${kept.handler}, ${kept.param}=${kept.value}`)),
    make("h3", "sent"),
    table(one.params),
    make("h3", `reply: ${reply}`),
    table(one.reply.params),
  );
  if (one.watchers.length) byId("journey").append(make("p", `watched by ${one.watchers.join(", ")}`));
}

// Calls

data.calls.forEach((call, at) => {
  const option = make("option", call.name);
  option.value = String(at);
  byId("call").append(option);
});
function ladder() {
  document.querySelectorAll("#ladders article").forEach((one) => {
    one.hidden = one.id !== `call-${byId("call").value}`;
  });
}
document.querySelectorAll(".arrow").forEach((one) => {
  one.addEventListener("click", () => choose(Number(one.dataset.message)));
});

byId("search").addEventListener("input", search);
byId("failed").addEventListener("change", search);
byId("call").addEventListener("change", () => {
  search();
  ladder();
});
byId("more").addEventListener("click", draw);
if (data.calls.length === 1) byId("call").value = "0";
ladder();
search();
