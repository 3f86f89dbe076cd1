"use strict";
/* Search, filter and the answer for one step. Everything is on the page without this script. */
(() => {
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const sections = document.getElementById("roles");
  const NAMES = ["q", "grade", "account", "owner", "ends"];
  const TRUST = ["workspace", "repository", "environment"];
  const FIELDS = ["role", "owner", "account", "policy", "action", "grade", "expires", ...TRUST];
  const DAY = 86400000;
  const DOCUMENTS = 'a[href^="#document-"]';
  const APART = `${DOCUMENTS}, a[href^="#pipeline-"]`;
  const madeOn = Date.parse(document.querySelector(".origin time").dateTime);
  const lower = (text) => text.toLowerCase();
  const texts = (selector, within) => every(selector, within).map((found) => lower(found.textContent));

  /* What a role's part says, read from the page when it is first asked for. Its selectors have no ancestors: Chromium
     looks through the whole page for those. */
  class Role {
    constructor(element) { this.element = element; }
    once(name, make) {
      Object.defineProperty(this, name, { value: make() });
      return this[name];
    }
    get documents() {
      const linked = () => every(DOCUMENTS, this.element).map((a) => document.querySelector(a.hash));
      return this.once("documents", () => [...every("pre", this.element), ...linked()]);
    }
    get text() {
      return this.once("text", () => lower([this.element.textContent, ...this.documents.map(common)].join("\n")));
    }
    get accounts() {
      return this.once("accounts", () => this.element.querySelector('[data-f="account"]').textContent.split(", "));
    }
    get owners() {
      return this.once("owners", () => every('[data-f="owner"]', this.element).map((e) => e.textContent));
    }
    get ends() { return this.once("ends", () => every("time", this.element).map((e) => e.dateTime)); }
    get grades() { return this.once("grades", () => this.element.dataset.g.split(",")); }
    get lines() { return this.once("lines", () => every("li[data-r]", this.element).map(line)); }
    get actions() { return this.once("actions", () => this.documents.filter((pre) => "d" in pre.dataset).flatMap(allowed)); }
    get values() {
      return this.once("values", () => ({
        role: [lower(this.element.querySelector("bdi").textContent), ...texts('[data-f="role"]', this.element)],
        owner: this.owners.map(lower),
        account: this.accounts.map(lower),
        policy: texts('[data-f="policy"]', this.element),
        grade: this.grades,
      }));
    }
  }

  /* What a document says of all that have it: not the account that it is shown for. */
  const common = (pre) => [...pre.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("\n");

  /* Without an environment it is every step; the empty one is outside of environments. */
  const line = ({ dataset: { r, n } }) => ({ repository: lower(r), environment: n === undefined ? null : lower(n) });

  /* The actions that a document allows: patterns, or all but some. */
  const allowed = (pre) => [].concat(JSON.parse(pre.textContent).Statement)
    .filter((statement) => statement.Effect === "Allow")
    .flatMap(({ Action, NotAction }) =>
      NotAction ? [{ not: [].concat(NotAction).map(lower) }] : [].concat(Action).map((one) => ({ is: lower(one) })));

  const pattern = (text) => new RegExp(
    `^${text.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".")}$`, "s");

  const acts = (role, asked) => role.actions.some((action) =>
    action.is === undefined
      ? asked.includes(":") && !action.not.some((one) => pattern(one).test(asked))
      : action.is.includes(asked) || pattern(action.is).test(asked) || pattern(asked).test(action.is));

  const ends = (role, asked) => {
    if (asked === "never" || asked === "none") return role.ends.length === 0;
    const [, sign, day] = /^([<>]?)=?(.*)$/.exec(asked);
    return role.ends.some((end) => (sign === "<" ? end < day : sign === ">" ? end > day : end.startsWith(day)));
  };

  /* A line of trust reaches what is asked for; one in every step or repository reaches all of them. */
  const reaches = (found, term) => {
    const [workspace, repository] = found.repository.split("/");
    if (term.field === "workspace") return workspace.includes(term.text);
    if (term.field === "environment") return found.environment === null || found.environment.includes(term.text);
    if (repository !== "*") return found.repository.includes(term.text);
    return !term.text.includes("/") || term.text.startsWith(`${workspace}/`);
  };

  const holds = (role, term) => {
    if (!term.field) return role.text.includes(term.text);
    if (term.field === "action") return acts(role, term.text);
    if (term.field === "expires") return ends(role, term.text);
    if (TRUST.includes(term.field)) return role.lines.some((found) => reaches(found, term));
    return role.values[term.field].some((value) => value.includes(term.text));
  };

  const parsed = (text) => [...text.matchAll(/(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/gi)].map((found) => {
    const [whole, minus, name, quoted, word] = found;
    const field = FIELDS.includes(lower(name ?? "")) ? lower(name) : null;
    const plain = whole.slice(minus.length).replaceAll('"', "");
    return { not: minus === "-", field, text: lower(field ? quoted ?? word : plain) };
  }).filter((term) => term.text !== "");

  const within = (role, kind) => {
    if (kind === "") return true;
    const left = role.ends.map((end) => (Date.parse(end) - madeOn) / DAY);
    switch (kind) {
      case "never": return left.length === 0;
      case "dated": return left.length > 0;
      case "ended": return left.some((days) => days < 0);
      default: return left.some((days) => days >= 0 && days <= 90);
    }
  };

  const chosen = () => Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value]));

  const matching = (wanted, terms) => {
    const trust = terms.filter((term) => !term.not && TRUST.includes(term.field));
    const others = terms.filter((term) => !trust.includes(term));
    return (role) =>
      (!wanted.grade || role.grades.includes(wanted.grade)) &&
      (!wanted.account || role.accounts.includes(wanted.account)) &&
      (!wanted.owner || role.owners.includes(wanted.owner)) &&
      within(role, wanted.ends) &&
      (trust.length === 0 || role.lines.some((found) => trust.every((term) => reaches(found, term)))) &&
      others.every((term) => holds(role, term) !== term.not);
  };

  const apart = every("#documents article").map((element) => (
    { element, users: every('a[href^="#role-"]', element).map((a) => a.hash) }));

  const roles = every("article", sections).map((element) => new Role(element));
  const roleOf = new Map(roles.map((role) => [role.element, role]));
  const families = every(".family", sections).map((element) => (
    { element, roles: every("article", element).map((article) => roleOf.get(article)) }));
  /* A role in two accounts is two roles, as in `plan`. */
  const counted = (some, account) => some.reduce((sum, role) => sum + (account ? 1 : Number(role.element.dataset.c)), 0).toLocaleString("en");
  const total = counted(roles, "");

  const apply = () => {
    const wanted = chosen();
    const terms = parsed(wanted.q);
    const matches = matching(wanted, terms);
    const visible = new Set();
    /* All is read before anything is hidden: a browser is slow when the two alternate. */
    const left = new Set(roles.filter(matches));
    for (const role of roles) {
      if (role.element.hidden === left.has(role)) role.element.hidden = !left.has(role);
      if (left.has(role)) visible.add(`#${role.element.id}`);
    }
    for (const family of families) fold(family, wanted);
    for (const one of apart) one.element.hidden = !one.users.some((user) => visible.has(user));
    const asked = NAMES.some((name) => wanted[name] !== "");
    for (const table of every(".matrix")) narrow(table, wanted, terms, asked ? visible : null);
    const number = counted(roles.filter((role) => !role.element.hidden), wanted.account);
    shown.textContent = asked ? `${number} of ${total} roles` : `All ${total} roles`;
    document.getElementById("nothing").hidden = visible.size > 0 || roles.length === 0;
  };

  /* A family shows how many of its roles match. It is opened for a few, and only closed again if this opened it. */
  const fold = ({ element, roles: members }, wanted) => {
    const left = members.filter((role) => !role.element.hidden);
    const all = left.length === members.length;
    const size = element.querySelector(".size");
    size.dataset.all ??= size.textContent;
    size.textContent = all && !wanted.account ? size.dataset.all : `${counted(left, wanted.account)} of ${size.dataset.all}`;
    element.hidden = left.length === 0;
    const open = !all && left.length <= 10;
    if (open && !element.open) element.dataset.opened = "";
    if (open) element.open = true;
    else if ("opened" in element.dataset) {
      element.open = false;
      delete element.dataset.opened;
    }
  };

  /* In a matrix the rows that are asked for, and in them the roles that are shown. */
  const narrow = (table, wanted, terms, visible) => {
    const trust = terms.filter((term) => !term.not && TRUST.includes(term.field));
    const columns = every("thead th[data-a]", table).map((th) => ({ th, accounts: th.dataset.a.split(" "), used: false }));
    const inAccount = (column) => !wanted.account || column.accounts.includes(wanted.account);
    for (const body of table.tBodies) {
      let rows = 0;
      for (const row of every("tr:not(.repository)", body)) {
        const reached = line({ dataset: { r: body.dataset.r, n: row.dataset.n } });
        const isAsked = visible === null || trust.every((term) => reaches(reached, term));
        let entries = 0;
        every("td", row).forEach((cell, index) => {
          const column = columns[index];
          const inCell = every("div", cell);
          for (const entry of inCell) {
            const here = !column || inAccount(column);
            entry.hidden = visible !== null && !(here && visible.has(entry.firstElementChild.hash));
            if (!entry.hidden) {
              entries += 1;
              if (column && isAsked) column.used = true;
            }
          }
          cell.classList.toggle("void", inCell.every((entry) => entry.hidden));
        });
        row.hidden = !isAsked || entries === 0;
        rows += row.hidden ? 0 : 1;
      }
      body.hidden = rows === 0;
    }
    for (const [index, column] of columns.entries()) {
      const hide = visible !== null && !column.used;
      if (column.th.hidden === hide) continue;
      column.th.hidden = hide;
      for (const row of every("tr:not(.repository)", table)) row.cells[index + 1].hidden = hide;
    }
    table.closest(".scroll").parentElement.hidden = [...table.tBodies].every((body) => body.hidden);
  };

  /* The address holds the search beside the step; without "=" it names a place on the page. */
  const write = () => {
    const parameters = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const [name, value] of Object.entries(chosen())) {
      if (value === "") parameters.delete(name);
      else parameters.set(name, value);
    }
    history.replaceState(null, "", parameters.size ? `#${parameters}` : location.pathname + location.search);
  };

  /* What comes into view is laid out only then, and moves the target: it is looked for again in the next frames. */
  const show = (target, frames) => {
    target.scrollIntoView();
    if (frames > 0) requestAnimationFrame(() => show(target, frames - 1));
  };

  const read = () => {
    const fragment = location.hash.slice(1);
    if (fragment.includes("=")) {
      const parameters = new URLSearchParams(fragment);
      for (const name of NAMES) form.elements[name].value = parameters.get(name) ?? "";
      apply();
      return;
    }
    const target = fragment && document.getElementById(fragment);
    if (!target) return;
    if (target.closest("[hidden]")) {
      for (const name of NAMES) form.elements[name].value = "";
      apply();
    }
    for (let found = target.closest("details"); found; found = found.parentElement.closest("details")) found.open = true;
    show(target, 15);
  };

  let timer = 0;
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { write(); apply(); }, 80);
  };

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("reset", () => setTimeout(() => { write(); apply(); }));
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", read);
  addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, select, textarea");
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      form.elements.q.focus();
    }
  });

  /* What is a role's own, in one of its accounts. */
  const values = (role, account) => {
    const { id, region } = document.getElementById(`account-${account}`).dataset;
    const name = role.querySelector("h3 bdi").textContent;
    return { id, region, key: account, name, ARN: role.querySelector("dl code").textContent };
  };

  /* A document that stands apart is read in its place, too. What is long is scrolled by keyboard, in browsers that do
     not see to it themselves. */
  addEventListener("toggle", (event) => {
    for (const link of every(APART, event.target)) {
      if (!sections.contains(link) || link.closest("details") !== event.target || link.closest("p").nextElementSibling) continue;
      const copy = document.querySelector(link.hash).cloneNode(true);
      const own = values(link.closest("article"), link.dataset.a);
      for (const found of every("var", copy)) found.replaceWith(own[found.dataset.v]);
      copy.removeAttribute("id");
      link.closest("p").after(copy);
    }
    for (const pre of event.target.querySelectorAll("pre")) pre.tabIndex = pre.scrollHeight > pre.clientHeight ? 0 : -1;
  }, true);

  /* On paper nothing can be opened. */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = every("details:not([open])");
    for (const found of opened) found.open = true;
  });
  addEventListener("afterprint", () => {
    for (const found of opened) found.open = false;
  });

  form.hidden = false;
  if (location.hash.includes("=")) read();
  else shown.textContent = `All ${total} roles`;
})();
