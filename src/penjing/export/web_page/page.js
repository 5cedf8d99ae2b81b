import { openModel, verify } from "./model.js";

const WORDS = {
  en: {
    language: "Language", text: "Text", picture: "Picture: choose one, or drop it here", go: "Answer", loading: "Loading the model…",
    device: "On this device", verify: "Same answers as where it was made?", size: "Model", started: "Ready after", last: "Last answer", labels: "Labels",
    same: (found) => `${found.changed} of ${found.n} labels differ; the largest difference of a logit is ${found.largest.toExponential(1)}.`,
    unread: "This file cannot be read as a picture.", abstain: "not sure enough to answer",
  },
  zh: {
    language: "语言", text: "文本", picture: "图片：请选择，或拖放到这里", go: "回答", loading: "正在加载模型…",
    device: "在这台设备上", verify: "与制作时的回答一致吗？", size: "模型", started: "加载用时", last: "上次回答", labels: "标签",
    same: (found) => `${found.n} 个中有 ${found.changed} 个标签不同；logit 的最大差异为 ${found.largest.toExponential(1)}。`,
    unread: "无法将此文件读取为图片。", abstain: "把握不足，不作回答",
  },
};
const find = (id) => document.getElementById(id);
const state = { language: "en", model: null, file: null, started: 0, last: 0, asked: 0 };
const say = (key) => WORDS[state.language][key];
const ms = (value) => (value < 10 ? value.toFixed(1) : Math.round(value)) + " ms";

function make(tag, text, className) {
  const found = document.createElement(tag);
  if (text !== undefined) found.textContent = text;
  if (className) found.className = className;
  return found;
}

function speak(language) {
  state.language = language;
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  showFacts();
}

function showFacts() {
  if (!state.model) return;
  const { labels, size_bytes: size } = state.model.config;
  const rows = [[say("size"), (size / 1e6).toFixed(1) + " MB"], [say("started"), ms(state.started)],
    [say("labels"), labels.slice(0, 12).join(", ") + (labels.length > 12 ? " …" : "")]];
  if (state.last) rows.push([say("last"), ms(state.last)]);
  find("facts").replaceChildren(...rows.flatMap(([term, text]) => [make("dt", term), make("dd", text)]));
}

function showAnswer(found) {
  const order = found.scores.map((score, place) => [score, state.model.config.labels[place]]).sort((one, other) => other[0] - one[0]);
  find("answer").replaceChildren(...order.slice(0, 10).map(([score, label]) => {
    const row = make("li"), bar = make("meter"), share = (100 * score).toFixed(1) + " %";
    bar.value = score;
    bar.setAttribute("aria-label", `${label}: ${share}`);
    row.append(make("span", label), bar, make("span", share, "score"));
    return row;
  }));
  find("notice").textContent = found.label === "abstain" ? say("abstain") : "";
}

async function ask(input) {
  const began = performance.now(), number = (state.asked += 1);
  try {
    const found = await state.model.classify(input);
    if (number !== state.asked) return;
    state.last = performance.now() - began;
    showAnswer(found);
  } catch (error) {
    if (number !== state.asked) return;
    find("answer").replaceChildren();
    find("notice").textContent = input instanceof Blob ? say("unread") : error.message;
  }
  showFacts();
}

function take(file) {
  if (!file) return;
  state.file = file;
  if (find("preview").src) URL.revokeObjectURL(find("preview").src);
  find("preview").src = URL.createObjectURL(file);
  find("preview").alt = file.name;
  find("preview").hidden = false;
  ask(file);
}

find("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = state.model.config.kind === "image" ? state.file : find("text").value;
  if (input) ask(input);
});
find("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find("ask").requestSubmit();
});
find("file").addEventListener("change", () => take(find("file").files[0]));
for (const [event, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  find("pictured").addEventListener(event, (moved) => {
    moved.preventDefault();
    find("pictured").classList.toggle("over", over);
    if (event === "drop") take(moved.dataTransfer.files[0]);
  });
}
find("verify").addEventListener("click", async () => {
  find("verify").disabled = true;
  try {
    find("verified").textContent = say("same")(await verify(state.model));
  } catch (error) {
    find("verified").textContent = error.message;
  } finally {
    find("verify").disabled = false;
  }
});
find("language").addEventListener("change", () => speak(find("language").value));

async function start() {
  const first = navigator.language.startsWith("zh") ? "zh" : "en";
  find("language").value = first;
  speak(first);
  try {
    state.model = await openModel();
  } catch (error) {
    find("notice").textContent = error.message;
    return;
  }
  state.started = performance.now();
  const { kind, name, example } = state.model.config;
  find("name").textContent = document.title = name;
  find(kind === "image" ? "pictured" : "written").hidden = false;
  find("text").value = example;
  find("go").disabled = find("verify").disabled = false;
  find("notice").textContent = "";
  globalThis.penjing = state.model;
  showFacts();
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("offline.js");
}

start();
