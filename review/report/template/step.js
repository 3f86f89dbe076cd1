/* What one step may assume, from the lines of trust that the roles on this page have. */
(() => {
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];
  const [section, repository, environment, answer, suggestions, link] =
    ["step", "repository", "environment", "answer", "repositories", "to-step"].map((id) => document.getElementById(id));
  const parts = every("#roles article");
  if (parts.length === 0) return;
  const OUTSIDE = "-", ANOTHER = "*", NAMED = "=";

  const made = (tag, text, className = "") => Object.assign(document.createElement(tag), { textContent: text, className });
  const counted = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
  const listed = (element) => element.querySelector('[data-f="account"]').textContent.split(", ");

  /* Lines and accounts whose last day was before the report are left out: AWS refuses their steps. */
  const linesOf = (part) => {
    const ended = new Set((part.dataset.x ?? "").split(" "));
    return every(".trust", part).flatMap((list) => {
      const accounts = (list.dataset.a?.split(" ") ?? listed(part)).filter((account) => !ended.has(account));
      return every("li:not([data-x])", list).map((element) => (
        { part, element, accounts, repository: element.dataset.r, environment: element.dataset.n }));
    });
  };
  let known = null;
  const lines = () => (known ??= parts.flatMap(linesOf));

  /* As AWS compares the subject: a line without an environment admits every step; the empty one, those outside. */
  const isWide = (line) => line.environment === undefined;
  const admits = (line, asked) =>
    (line.repository === asked.repository || line.repository === `${asked.repository.split("/")[0]}/*`) &&
    (isWide(line) || line.environment === asked.environment);

  /* Bitbucket does not tell capitals in slugs apart: the name as the inventory writes it, else in lower case. */
  const named = () => {
    const name = repository.value.trim(), lower = name.toLowerCase();
    const names = name === "" ? [] : lines().map((line) => line.repository);
    return names.includes(name) ? name : names.find((each) => each.toLowerCase() === lower) ?? lower;
  };

  const asked = () => {
    const { value } = environment;
    const name = value === OUTSIDE ? "" : value === ANOTHER ? null : value.slice(NAMED.length);
    return { repository: named(), environment: name };
  };

  /* For each role its accounts, and in each of them the lines that admit the step. */
  const admitted = (step) => {
    const roles = new Map();
    for (const line of lines().filter((each) => admits(each, step))) {
      const accounts = roles.get(line.part) ?? roles.set(line.part, new Map()).get(line.part);
      for (const account of line.accounts) (accounts.get(account) ?? accounts.set(account, []).get(account)).push(line);
    }
    for (const [part, accounts] of roles) if (accounts.size === 0) roles.delete(part);
    return roles;
  };

  const item = ([part, accounts]) => {
    const shown = made("li", "");
    const name = Object.assign(made("a", part.querySelector("bdi").textContent), { href: `#${part.id}` });
    const key = part.querySelector('[data-f="role"]');
    const badge = part.querySelector("h3 .a");
    shown.append(name, ...(key ? [" ", key.cloneNode(true)] : []), ...(badge ? [" ", badge.cloneNode(true)] : []));
    shown.append(` in ${[...accounts.keys()].join(", ")}`);
    for (const line of new Set([...accounts.values()].flat())) {
      const through = made("div", "", line.element.className);
      through.append(line.element.textContent, ...(isWide(line) ? [" ", made("strong", "(wider than this step)")] : []));
      shown.append(through);
    }
    for (const [field, title] of [["ends", "Access ends"], ["from", "Called from"]]) {
      const limit = part.querySelector(`[data-f="${field}"]`);
      if (limit) shown.append(made("div", `${title}: ${limit.textContent}`, "note"));
    }
    return shown;
  };

  const folded = (family, roles) => {
    const shown = made("li", ""), details = made("details", ""), list = made("ul", "", "trust");
    const size = roles.reduce((sum, [, accounts]) => sum + accounts.size, 0);
    details.append(made("summary", `Family ${family.querySelector("summary bdi").textContent}: ${counted(size, "role")}`), list);
    list.append(...roles.map(item));
    shown.append(details);
    return shown;
  };

  const items = (roles) => {
    const groups = new Map();
    for (const role of roles) {
      const group = role[0].closest(".family") ?? role[0];
      (groups.get(group) ?? groups.set(group, []).get(group)).push(role);
    }
    return [...groups].flatMap(([group, members]) => (members.length > 3 ? [folded(group, members)] : members.map(item)));
  };

  const inWords = (step) => {
    if (step.environment === null) return `${step.repository}, a deployment environment that no role names`;
    return `${step.repository}, ${step.environment === "" ? "no deployment environment" : `deployment environment ${step.environment}`}`;
  };

  const show = () => {
    const step = asked();
    section.classList.toggle("answered", step.repository !== "");
    answer.replaceChildren();
    if (step.repository === "") return;
    if (!step.repository.includes("/")) {
      answer.append(made("p", "Write WORKSPACE/REPOSITORY, such as acme/shop."));
      return;
    }
    const roles = admitted(step);
    const holders = [...roles.values()].flatMap((accounts) => [...accounts]);
    const places = new Set(holders.map(([account]) => account)).size;
    const wide = holders.filter(([, through]) => through.every(isWide)).length;
    const summary = `${counted(holders.length, "role")}${places ? ` in ${counted(places, "account")}` : ""}`;
    answer.append(made("p", `${inWords(step)}: ${summary}${wide ? `, ${wide.toLocaleString("en")} only by trust that is wider than this step` : ""}.`, "lead"));
    if (!lines().some((line) => line.repository === step.repository)) answer.append(made("p", "No role names this repository."));
    const list = made("ul", "");
    list.append(...items(roles));
    if (roles.size) answer.append(list);
  };

  const offer = () => {
    const name = named();
    const names = lines().filter((line) => line.repository === name && line.environment).map((line) => line.environment);
    const before = environment.value;
    const choices = [...[...new Set(names)].sort().map((each) => [NAMED + each, each]), [OUTSIDE, "none"], [ANOTHER, "another one"]];
    environment.replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
    environment.value = choices.some(([value]) => value === before) ? before : choices[0][0];
  };

  const suggest = () => {
    if (suggestions.childElementCount) return;
    const names = lines().map((line) => line.repository).filter((name) => !name.endsWith("/*"));
    suggestions.append(...[...new Set(names)].sort().map((name) => new Option(name, name)));
  };

  /* The address holds the step beside the search. */
  const parameters = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const write = () => {
    const kept = parameters();
    for (const name of ["step", "in"]) kept.delete(name);
    if (named()) {
      kept.set("step", named());
      if (environment.value !== OUTSIDE) kept.set("in", environment.value.replace(NAMED, ""));
    }
    history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search);
  };
  const read = () => {
    const given = parameters();
    if (!given.has("step")) return;
    repository.value = given.get("step");
    offer();
    const name = given.get("in");
    const isNamed = [...environment.options].some((option) => option.value === NAMED + name);
    environment.value = isNamed ? NAMED + name : name === null ? OUTSIDE : ANOTHER;
    show();
    section.scrollIntoView();
  };

  repository.addEventListener("focus", suggest);
  repository.addEventListener("input", () => { offer(); show(); write(); });
  environment.addEventListener("change", () => { show(); write(); });
  section.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", read);
  environment.append(new Option("none", OUTSIDE), new Option("another one", ANOTHER));
  section.hidden = link.hidden = false;
  read();
})();
