"use strict";
(() => {
  const root = document.documentElement;
  const remembered = (name) => { try { return localStorage.getItem("penjing-" + name); } catch { return null; } };
  const remember = (name, value) => { try { localStorage.setItem("penjing-" + name, value); } catch { /* private window */ } };
  const radio = (name, value) => document.getElementById(name + "-" + value);

  const swap = (node, language, english, chinese, set, get) => {
    node.dataset[english] ??= get(node);
    set(node, language === "zh" ? node.dataset[chinese] : node.dataset[english]);
  };
  const speak = (language) => {
    root.lang = language === "zh" ? "zh-Hans" : "en";
    for (const node of document.querySelectorAll("[data-zh]"))
      swap(node, language, "en", "zh", (n, text) => { n.textContent = text; }, (n) => n.textContent);
    for (const node of document.querySelectorAll("[data-zh-label]"))
      swap(node, language, "enLabel", "zhLabel",
        (n, text) => n.setAttribute("aria-label", text), (n) => n.getAttribute("aria-label"));
  };

  const language = remembered("language") ?? (/^zh\b/i.test(navigator.language) ? "zh" : "en");
  const theme = remembered("theme") ?? "auto";
  for (const [name, value] of [["language", language], ["theme", theme]]) {
    const chosen = radio(name, value);
    if (chosen) chosen.checked = true;
  }
  speak(radio("language", "zh").checked ? "zh" : "en");
  document.querySelector(".switches").addEventListener("change", (event) => {
    remember(event.target.name, event.target.value);
    if (event.target.name === "language") speak(event.target.value);
  });

  const key = (row, column) => {
    const cell = row.children[column];
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  };
  const compare = (column, numeric, sign) => (one, other) => {
    if (!numeric) return sign * one.children[column].textContent.localeCompare(other.children[column].textContent);
    const [a, b] = [key(one, column), key(other, column)];
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a - b);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, column) => {
      const numeric = head.classList.contains("number");
      if (!numeric && column > 0) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        body.append(...[...body.rows].sort(compare(column, numeric, sign)));
      });
    });
  }
})();
