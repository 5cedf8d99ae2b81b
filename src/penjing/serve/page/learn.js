"use strict";

const WORDS = {
  en: {
    skip: "Skip to the question", topic: "Topic", language: "Language", key: "Key", way: "How to answer",
    choice: "Choose what belongs to a good answer", text: "In your own words", check: "Check", next: "Next question",
    all: "all", basic: "basic", medium: "medium", needKey: "This server asks for a key.",
    none: "Write or choose something first.", done: "Nothing is due today. Choose another topic, or come back tomorrow.",
    unkept: "This browser keeps nothing: the progress ends with the page.", said: "said", missed: "left out", wrong: "not this one", answer: "The bank's answer", source: "Source",
    try: "Try it in a terminal", now: "This one comes again today.", again: (day) => `This one comes again on ${day}.`,
    progress: (known, all, due) => `${known} of ${all} answered, ${due} due now. Kept in this browser alone.`,
  },
  zh: {
    skip: "跳到问题", topic: "主题", language: "语言", key: "密钥", way: "怎样回答",
    choice: "选出好的回答应包含的内容", text: "用自己的话", check: "检查", next: "下一题",
    all: "全部", basic: "基础", medium: "进阶", needKey: "此服务需要密钥。",
    none: "请先写点什么，或选一项。", done: "今天没有要复习的。换个主题，或明天再来。",
    unkept: "浏览器不允许保存，关闭页面后进度会丢失。", said: "说到了", missed: "没说到", wrong: "与此题无关", answer: "题库的回答", source: "来源",
    try: "在终端里试试", now: "这道题今天还会再来。", again: (day) => `这道题 ${day} 再来。`,
    progress: (known, all, due) => `共 ${all} 题，答过 ${known} 题，现在该复习 ${due} 题。只保存在这个浏览器里。`,
  },
};
const KEPT = "penjing.learn";

const find = (id) => document.getElementById(id);
const state = { language: "en", questions: [], asked: null, memory: read(), seen: new Set() };
const say = (key) => WORDS[state.language][key];

function read() {
  try {
    const found = Object.entries(JSON.parse(localStorage.getItem(KEPT) || "{}"));
    return Object.fromEntries(found.filter(([, known]) => known && typeof known.due === "string"));
  } catch {
    return {};
  }
}

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(state.memory));
  } catch {
    find("notice").textContent = say("unkept");
  }
}

function today() {
  const now = new Date();
  return new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
}

function make(tag, text, className) {
  const found = document.createElement(tag);
  if (text !== undefined) found.textContent = text;
  if (className) found.className = className;
  return found;
}

async function call(path, body) {
  const key = find("key").value;
  const reply = await fetch(path, {
    method: body ? "POST" : "GET", body: body && JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...(key ? { Authorization: "Bearer " + key } : {}) },
  });
  if (reply.status === 401) {
    find("key-field").hidden = false;
    throw new Error(say("needKey"));
  }
  const found = await reply.json();
  if (!reply.ok) throw new Error(found.error.message);
  return found;
}

function isDue(question) {
  const known = state.memory[question.id];
  return !known || known.due <= today();
}

function choose() {
  const topic = find("topic").value;
  const open = state.questions.filter((one) => !topic || one.topic === topic);
  const due = open.filter((one) => state.memory[one.id] && isDue(one) && !state.seen.has(one.id));
  const fresh = open.filter((one) => !state.memory[one.id] && !state.seen.has(one.id));
  due.sort((a, b) => state.memory[a.id].due.localeCompare(state.memory[b.id].due));
  state.asked = due[0] || fresh[0] || null;
  find("words").value = "";
  show();
}

function showProgress() {
  const known = state.questions.filter((one) => state.memory[one.id]);
  find("progress").textContent = say("progress")(known.length, state.questions.length, known.filter(isDue).length);
}

function show() {
  const asked = state.asked && state.questions.find((one) => one.id === state.asked.id);
  showProgress();
  find("reply").hidden = !asked;
  find("grade").replaceChildren();
  find("question").textContent = asked ? asked.ask : say("done");
  find("level").textContent = asked ? `${asked.topic_name} · ${say(asked.level)}` : "";
  find("statements").replaceChildren(...(asked ? asked.statements : []).map((text, place) => {
    const row = make("li");
    const label = make("label");
    const box = make("input");
    box.type = "checkbox";
    box.value = String(place);
    label.append(box, " ", text);
    row.append(label);
    return row;
  }));
  showWay();
}

function showWay() {
  const free = document.querySelector("[name=way]:checked").value === "text";
  find("words").hidden = !free;
  find("statements").hidden = free;
}

function showGrade(found) {
  const list = make("ul", undefined, "points");
  for (const [name, mark] of [["said", "✓"], ["missed", "✗"], ["wrong", "✗"]]) {
    for (const text of found[name]) {
      const row = make("li", undefined, name);
      row.append(make("span", `${mark} ${say(name)}`, "mark"), make("span", text));
      list.append(row);
    }
  }
  const source = make("p");
  const link = make("a", found.source);
  link.href = found.url;
  link.rel = "noreferrer";
  source.append(`${say("source")}: `, link);
  const command = make("pre");
  command.append(make("code", found.command));
  find("grade").replaceChildren(
    list, make("h3", say("answer")), make("p", found.answer), source, make("h3", say("try")), command,
    make("p", found.memory.due > today() ? say("again")(found.memory.due) : say("now")),
  );
}

find("reply").addEventListener("submit", async (event) => {
  event.preventDefault();
  const free = document.querySelector("[name=way]:checked").value === "text";
  const chosen = [...find("statements").querySelectorAll("input:checked")].map((box) => Number(box.value));
  const words = find("words").value.trim();
  if (free ? !words : !chosen.length) {
    find("notice").textContent = say("none");
    return;
  }
  const asked = state.asked;
  find("go").disabled = true;
  try {
    const found = await call("/v1/learn/grade", {
      question: asked.id, language: state.language, today: today(), memory: state.memory[asked.id] || null,
      ...(free ? { answer: words } : { chosen }),
    });
    find("notice").textContent = "";
    state.memory[asked.id] = found.memory;
    state.seen.add(asked.id);
    if (state.asked === asked) showGrade(found);
    showProgress();
    keep();
  } catch (error) {
    find("notice").textContent = error.message;
  } finally {
    find("go").disabled = false;
  }
});
find("next").addEventListener("click", () => {
  if (state.asked) state.seen.add(state.asked.id);
  choose();
  find("question").scrollIntoView({ block: "nearest" });
});
find("way").addEventListener("change", showWay);
find("topic").addEventListener("change", () => {
  state.seen.clear();
  choose();
});
find("language").addEventListener("change", () => load(find("language").value));
find("key").addEventListener("change", () => load(state.language));

async function load(language) {
  state.language = language;
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  try {
    const found = await call(`/v1/learn/questions?language=${language}`);
    if (language !== state.language) return;
    state.questions = found;
    find("notice").textContent = "";
    const topic = find("topic").value;
    const topics = new Map(found.map((one) => [one.topic, one.topic_name]));
    find("topic").replaceChildren(new Option(say("all"), ""), ...[...topics].map(([id, name]) => new Option(name, id)));
    find("topic").value = topic;
    if (state.asked) show();
    else choose();
  } catch (error) {
    find("notice").textContent = error.message;
  }
}

const first = navigator.language.startsWith("zh") ? "zh" : "en";
find("language").value = first;
load(first);
