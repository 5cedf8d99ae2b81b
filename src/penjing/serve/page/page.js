"use strict";

const WORDS = {
  en: {
    skip: "Skip to the model", model: "Model", language: "Language", key: "Key", try: "Try it", text: "Text",
    max: "Tokens at most", temperature: "Temperature", go: "Answer", stop: "Stop", speed: "Speed from here",
    none: "Nothing was asked yet.", facts: "What was delivered", code: "From your code", copy: "Copy", copied: "Copied",
    docs: "All routes", learn: "Questions to learn from", needKey: "This server asks for a key.", working: "Working…", loading: "The model is loading.", cut: "The model read only the beginning of this text.", task: "Task", engine: "Engine",
    size: "Size", quality: "Quality on", verdict: "Verdict", origin: "Made from", licence: "Licence", labels: "Labels",
    met: "met", "not met": "not met", undecided: "undecided", of: "of", classify: "classify", generate: "write", translate: "translate", pair: "Languages",
    original: "Original", translation: "Translation", lost: "Check this:",
    frontier: "What else the run found", against: "Quality against", latency: "latency", bytes: "size", served: "served here",
    missed: "misses the bar or the budget", dev: "on dev", curve: "The dashed line joins what no other beats in both.",
    price: "A machine like this costs, an hour",
    million: (cost) => `→ ${cost} a million, one after another at the server's median; batches cost less.`,
    asked: (n, median, worst, server) => `${n} asked: median ${median}, slowest ${worst}; in the server ${server}.`,
    tokens: (n, rate, first) => `${n} tokens, ${rate} tokens a second, the first after ${first}.`,
    picture: "Picture: choose one, or drop it here", sound: "Sound: choose a file, drop it here, or record",
    noFile: "Choose a file first.", image: "pictures", audio: "sounds", transcribe: "transcribe", record: "Record", end: "End",
    languages: "Languages", silent: "Nobody speaks.", fused: "several inputs", inputs: "Inputs", missing: "Missing:", nothing: "Fill in at least one input.",
    example: {
      classify: "The staff was kind and the room was clean.", generate: "Name three trees.",
      translate: "Save the changes to %s before you close the window?",
    },
  },
  zh: {
    skip: "跳到模型", model: "模型", language: "语言", key: "密钥", try: "试一试", text: "文本", max: "最多 token 数",
    temperature: "温度", go: "回答", stop: "停止", speed: "从这里测得的速度", none: "还没有提问。", facts: "交付了什么",
    code: "在代码中使用", copy: "复制", copied: "已复制", docs: "所有接口", learn: "学习题库", needKey: "此服务需要密钥。", working: "处理中…", loading: "模型正在加载。", cut: "模型只读了这段文本的开头。",
    task: "任务", engine: "引擎", size: "大小", quality: "质量：", verdict: "结论", origin: "来源", licence: "许可",
    labels: "标签", met: "达到", "not met": "未达到", undecided: "未定", of: "，共", classify: "分类", generate: "写作",
    translate: "翻译", pair: "语言", original: "原文", translation: "译文", lost: "请检查：",
    frontier: "这次运行还得到了什么", against: "质量相对于", latency: "延迟", bytes: "大小", served: "正在使用",
    missed: "未达到质量标准或超出预算", dev: "开发集", curve: "虚线连接的是两方面都不被其他方案超过的方案。",
    price: "这样的机器每小时的价格",
    million: (cost) => `→ 每百万次 ${cost}，按服务器内的中位数逐个处理计算；合批更便宜。`,
    asked: (n, median, worst, server) => `已问 ${n} 次：中位数 ${median}，最慢 ${worst}；服务器内 ${server}。`,
    tokens: (n, rate, first) => `${n} 个 token，每秒 ${rate} 个，首个用时 ${first}。`,
    picture: "图片：请选择，或拖放到这里", sound: "声音：请选择文件、拖放到这里，或录音",
    noFile: "请先选择一个文件。", image: "图片", audio: "声音", transcribe: "听写", record: "录音", end: "结束",
    languages: "语言", silent: "没有人说话。", fused: "多个输入", inputs: "输入", missing: "缺少：", nothing: "请至少填写一个输入。",
    example: {
      classify: "房间干净，服务也很热情。", generate: "说出三种树的名字。",
      translate: "Save the changes to %s before you close the window?",
    },
  },
};

const find = (id) => document.getElementById(id);
const state = { language: "en", models: [], times: [], server: [], abort: null, file: null, heard: "" };
const FILED = { image: "image", audio: "audio", transcribe: "audio" };
const ACCEPTED = { image: "image/png,image/jpeg,image/webp,image/gif,image/bmp", audio: "audio/*" };
const say = (key) => WORDS[state.language][key];
const ms = (value) => (value < 10 ? value.toFixed(1) : Math.round(value)) + " ms";

function make(tag, text, className) {
  const found = document.createElement(tag);
  if (text !== undefined) found.textContent = text;
  if (className) found.className = className;
  return found;
}

function headers(type) {
  const key = find("key").value;
  return { "Content-Type": type, ...(key ? { Authorization: "Bearer " + key } : {}) };
}

async function ask(path, body, signal) {
  const file = body instanceof Blob;
  const reply = await fetch(path, {
    method: body ? "POST" : "GET", headers: headers(file ? body.type : "application/json"),
    body: file ? body : body && JSON.stringify(body), signal,
  });
  if (reply.status === 401) {
    find("key-field").hidden = false;
    throw new Error(say("needKey"));
  }
  if (!reply.ok) throw new Error((await reply.json()).error.message);
  return reply;
}

const chosen = () => state.models.find((model) => model.id === find("model").value);

function speak(language) {
  state.language = language;
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  show();
}

function show() {
  const model = chosen();
  if (!model) return;
  find("options").hidden = model.task !== "generate";
  const filed = FILED[model.task];
  find("filed").hidden = !filed;
  find("written").hidden = Boolean(filed) || model.task === "fused";
  find("mixed").hidden = model.task !== "fused";
  if (model.task === "fused") showInputs(model);
  find("record").hidden = filed !== "audio" || !navigator.mediaDevices;
  find("file-label").textContent = say(filed === "audio" ? "sound" : "picture");
  if (filed) find("file").accept = ACCEPTED[filed];
  if (filed || model.task === "fused") find("text").value = "";
  else if (!find("text").value || Object.values(WORDS).some((words) => Object.values(words.example).includes(find("text").value))) {
    find("text").value = say("example")[model.task];
  }
  showFacts(model);
  showFrontier(model);
  showCode(model);
  showSpeed();
}

function showInputs(model) {
  if (find("mixed").dataset.model === model.id) return;
  find("mixed").dataset.model = model.id;
  find("mixed").replaceChildren(...model.inputs.map(({ name, kind, values }) => {
    const label = make("label", name), field = make(kind === "text" ? "textarea" : kind === "category" ? "select" : "input");
    if (kind === "category") field.append(...["", ...values].map((value) => make("option", value)));
    if (kind === "number") Object.assign(field, { type: "number", step: "any" });
    if (ACCEPTED[kind]) Object.assign(field, { type: "file", accept: ACCEPTED[kind] });
    Object.assign(field.dataset, { input: name, kind });
    label.append(field);
    return label;
  }));
}

async function inputsOf() {
  const found = {};
  for (const field of document.querySelectorAll("#mixed [data-input]")) {
    const { input, kind } = field.dataset;
    if (field.type === "file") {
      if (field.files.length) found[input] = await asBase64(field.files[0]);
    } else if (field.value.trim()) {
      found[input] = kind === "number" ? Number(field.value) : field.value;
    }
  }
  return found;
}

function asBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

function showFacts(model) {
  const rows = [[say("task"), say(model.task)], [say("engine"), model.engine], [say("size"), (model.size_bytes / 1e6).toFixed(1) + " MB"]];
  if (model.source_lang) rows.push([say("pair"), model.source_lang + " → " + model.target_lang]);
  for (const quality of Object.values(model.quality)) {
    const name = say("quality") + " " + quality.split;
    rows.push([name, `${quality.metric} ${quality.value.toFixed(4)} [${quality.ci.low.toFixed(4)}, ${quality.ci.high.toFixed(4)}] (n = ${quality.n})`]);
  }
  if (model.verdict) rows.push([say("verdict"), `${say(model.verdict.word)} (P = ${model.verdict.probability.toFixed(2)}, n = ${model.verdict.n})`]);
  if (model.origin) rows.push([say("origin"), model.origin.name], [say("licence"), model.origin.licence]);
  if (model.inputs) rows.push([say("inputs"), model.inputs.map(({ name, kind }) => `${name} (${kind})`).join(", ")]);
  if (model.languages && model.languages.length) rows.push([say("languages"), model.languages.length]);
  if (model.labels) rows.push([say("labels"), model.labels.slice(0, 20).join(", ") + (model.labels.length > 20 ? " …" : "")]);
  find("facts").replaceChildren(...rows.flatMap(([term, text]) => [make("dt", term), make("dd", text)]));
}

function draw(tag, attributes, ...children) {
  const found = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  found.append(...children);
  return found;
}

function showFrontier(model) {
  const cost = find("against").value, less = model.metric === "bits_per_byte";
  const trials = (model.trials || []).filter((trial) => trial[cost]);
  find("frontier").hidden = trials.length < 2;
  if (trials.length < 2) return;
  const shown = (value) => (cost === "p50_s" ? ms(1e3 * value) : (value / 1e6).toFixed(1) + " MB");
  const width = 560, height = 300, left = 56, right = width - 70, top = 16, bottom = height - 34;
  const costs = trials.map((trial) => Math.log(trial[cost])), marks = trials.flatMap((trial) => [trial.ci.low, trial.ci.high]);
  const scale = (low, high, start, stop) => (value) => start + ((value - low) / (high - low || 1)) * (stop - start);
  const x = scale(Math.min(...costs) - 0.15, Math.max(...costs) + 0.15, left, right);
  const y = less ? scale(Math.min(...marks), Math.max(...marks), top, bottom) : scale(Math.min(...marks), Math.max(...marks), bottom, top);
  const parts = [];
  for (let step = 0; step <= 4; step += 1) {
    const value = Math.min(...marks) + (step / 4) * (Math.max(...marks) - Math.min(...marks));
    parts.push(draw("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
      draw("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(3)));
  }
  const ends = [Math.exp(Math.min(...costs)), Math.exp(Math.max(...costs))];
  for (const value of ends) parts.push(draw("text", { x: x(Math.log(value)), y: height - 14, "text-anchor": "middle" }, shown(value)));
  const gain = (trial) => (less ? -trial.value : trial.value);
  const kept = [];
  for (const trial of [...trials].sort((one, other) => one[cost] - other[cost] || gain(other) - gain(one))) {
    if (!kept.length || gain(trial) > gain(kept[kept.length - 1])) kept.push(trial);
  }
  const edge = kept.map((trial) => `${x(Math.log(trial[cost]))},${y(trial.value)}`).join(" ");
  parts.push(draw("polyline", { class: "edge", points: edge }));
  for (const trial of [...trials].sort((one, other) => (one.trial === model.trial) - (other.trial === model.trial))) {
    const at = x(Math.log(trial[cost])), mine = trial.trial === model.trial;
    const about = `${trial.trial}: ${model.metric} ${trial.value.toFixed(4)} [${trial.ci.low.toFixed(4)}, ${trial.ci.high.toFixed(4)}] ${say("dev")}, ${shown(trial[cost])}`
      + (mine ? ` (${say("served")})` : trial.passes ? "" : ` (${say("missed")})`);
    const point = draw("g", { class: mine ? "served" : trial.passes ? "" : "missed", tabindex: 0, role: "img", "aria-label": about },
      draw("title", {}, about),
      draw("line", { class: "spread", x1: at, x2: at, y1: y(trial.ci.low), y2: y(trial.ci.high) }),
      draw("circle", { cx: at, cy: y(trial.value), r: mine ? 7 : 5 }));
    if (mine) point.append(draw("text", { class: "name", x: at + 11, y: y(trial.value) - 9 }, say("served")));
    for (const event of ["click", "focus", "mouseenter"]) point.addEventListener(event, () => (find("point").textContent = about));
    parts.push(point);
  }
  find("chart").replaceChildren(draw("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": say("frontier") }, ...parts));
  find("point").textContent = say("curve");
}

function showCode(model) {
  const at = location.origin, text = JSON.stringify(find("text").value), name = JSON.stringify(model.id);
  if (FILED[model.task]) {
    const route = `${at}${fileRoute(model)}`, [file, type] = FILED[model.task] === "image" ? ["picture.png", "image/png"] : ["sound.wav", "audio/wav"];
    const answer = model.task === "transcribe" ? '["text"]' : '["results"][0]["label"]';
    find("code-curl").textContent = `curl '${route}' -H 'Content-Type: ${type}' \\\n  --data-binary @${file}`;
    find("code-python").textContent = [
      "import json, pathlib, urllib.request", "",
      `file = pathlib.Path("${file}").read_bytes()`,
      `asked = urllib.request.Request(`, `    "${route}",`, "    file,", `    {"Content-Type": "${type}"},`, ")",
      `print(json.load(urllib.request.urlopen(asked))${answer})`,
    ].join("\n");
  } else if (model.task === "fused") {
    const told = { text: "…", number: 1, image: "base64", audio: "base64" };
    const row = Object.fromEntries(model.inputs.map(({ name: input, kind, values }) => [input, kind === "category" ? values[0] : told[kind]]));
    const body = JSON.stringify({ model: model.id, inputs: row }).replaceAll("'", "'\\''");
    find("code-curl").textContent = `curl ${at}/v1/fused/classify -H 'Content-Type: application/json' \\\n  -d '${body}'`;
    find("code-python").textContent = [
      "import json, urllib.request", "",
      `body = {"model": ${name}, "inputs": ${JSON.stringify(row)}}`,
      "asked = urllib.request.Request(", `    "${at}/v1/fused/classify",`, "    json.dumps(body).encode(),",
      '    {"Content-Type": "application/json"},', ")",
      'print(json.load(urllib.request.urlopen(asked))["results"][0]["label"])',
    ].join("\n");
  } else if (model.task !== "generate") {
    const body = JSON.stringify({ model: model.id, input: find("text").value }).replaceAll("'", "'\\''");
    const field = model.task === "classify" ? "label" : "translation";
    find("code-curl").textContent = `curl ${at}/v1/${model.task} -H 'Content-Type: application/json' \\\n  -d '${body}'`;
    find("code-python").textContent = [
      "import json, urllib.request", "",
      `body = {"model": ${name}, "input": ${text}}`,
      `asked = urllib.request.Request(`, `    "${at}/v1/${model.task}",`, "    json.dumps(body).encode(),",
      '    {"Content-Type": "application/json"},', ")",
      `print(json.load(urllib.request.urlopen(asked))["results"][0]["${field}"])`,
    ].join("\n");
  } else {
    const body = JSON.stringify({ model: model.id, messages: [{ role: "user", content: find("text").value }] }).replaceAll("'", "'\\''");
    find("code-curl").textContent = `curl ${at}/v1/chat/completions -H 'Content-Type: application/json' \\\n  -d '${body}'`;
    find("code-python").textContent = [
      "from openai import OpenAI", "",
      `client = OpenAI(base_url="${at}/v1", api_key="none")`,
      `messages = [{"role": "user", "content": ${text}}]`,
      `stream = client.chat.completions.create(`, `    model=${name}, messages=messages, stream=True`, ")",
      "for chunk in stream:", '    print(chunk.choices[0].delta.content or "", end="")',
    ].join("\n");
  }
}

function showSpeed() {
  if (!state.times.length) return;
  const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  find("speed").textContent = say("asked")(state.times.length, ms(middle(state.times)), ms(Math.max(...state.times)), ms(middle(state.server)));
  find("cost").hidden = false;
  find("million").textContent = say("million")((Number(find("price").value) * 1e6 * middle(state.server) / 3.6e6).toFixed(3));
}

function note(began, reply) {
  state.times.push(performance.now() - began);
  state.server.push(Number(reply.headers.get("x-total-time")));
  showSpeed();
}

async function classify(model, text) {
  const began = performance.now();
  const reply = await ask("/v1/classify", { model: model.id, input: text, truncate: true, top: 10 });
  const result = (await reply.json()).results[0];
  note(began, reply);
  showLabels(result);
}

function fileRoute(model) {
  const route = { image: "images/classify", audio: "audio/classify", transcribe: "audio/transcriptions" }[model.task];
  return `/v1/${route}?model=${encodeURIComponent(model.id)}`;
}

async function askFile(model, more) {
  if (!state.file) throw new Error(say("noFile"));
  const kind = FILED[model.task] + "/", known = state.file.type.startsWith(kind);
  const file = known ? state.file : new Blob([state.file], { type: kind + "unknown" });
  const began = performance.now(), reply = await ask(fileRoute(model) + more, file);
  const found = await reply.json();
  note(began, reply);
  return found;
}

async function classifyFile(model) {
  showLabels((await askFile(model, "&top=10")).results[0]);
}

async function classifyInputs(model) {
  const inputs = await inputsOf(), began = performance.now();
  if (!Object.keys(inputs).length) throw new Error(say("nothing"));
  const reply = await ask("/v1/fused/classify", { model: model.id, inputs, top: 10 });
  const result = (await reply.json()).results[0];
  note(began, reply);
  showLabels(result);
  if (result.missing.length) find("answer").append(make("p", `${say("missing")} ${result.missing.join(", ")}`));
}

async function transcribe(model) {
  const found = await askFile(model, "&response_format=verbose_json"), list = make("ol", undefined, "said");
  list.lang = found.language;
  for (const { start, end, text } of found.segments) {
    const row = make("li");
    row.append(make("span", `${start.toFixed(1)}–${end.toFixed(1)} s`, "time"), make("span", text));
    list.append(row);
  }
  find("answer").replaceChildren(found.segments.length ? list : make("p", say("silent")));
}

function showLabels(result) {
  const list = make("ul", undefined, "bars");
  for (const { label, score } of result.labels) {
    const row = make("li"), bar = make("meter"), share = (100 * score).toFixed(1) + " %";
    bar.value = score;
    bar.setAttribute("aria-label", `${label}: ${share}`);
    row.append(make("span", label, "name"), bar, make("span", share, "score"));
    list.append(row);
  }
  find("answer").replaceChildren(list, ...(result.truncated ? [make("p", say("cut"))] : []));
}

async function translate(model, text) {
  const began = performance.now();
  const reply = await ask("/v1/translate", { model: model.id, input: text });
  const found = await reply.json(), result = found.results[0];
  note(began, reply);
  const side = (title, content, language) => {
    const part = make("div"), shown = make("p", content, "written");
    shown.lang = language;
    part.append(make("h3", say(title)), shown);
    return part;
  };
  const both = make("div", undefined, "sides");
  both.append(side("original", text, found.source), side("translation", result.translation, found.target));
  find("answer").replaceChildren(both, ...(result.problem ? [make("p", say("lost") + " " + result.problem)] : []));
}

async function write(model, text, signal) {
  const began = performance.now(), written = make("p", "", "written");
  find("answer").replaceChildren(written);
  const chat = model.format !== "plain";
  const body = {
    model: model.id, stream: true, stream_options: { include_usage: true },
    max_tokens: Number(find("max-tokens").value), temperature: Number(find("temperature").value),
    ...(chat ? { messages: [{ role: "user", content: text }] } : { prompt: text }),
  };
  const reply = await ask(chat ? "/v1/chat/completions" : "/v1/completions", body, signal);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", first = 0, usage = null;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const part = JSON.parse(line.slice(6));
      if (part.error) throw new Error(part.error.message);
      usage = part.usage || usage;
      const choice = part.choices[0];
      const piece = choice && (choice.delta ? choice.delta.content : choice.text);
      if (piece) {
        first = first || performance.now();
        written.textContent += piece;
      }
    }
  }
  if (usage && usage.completion_tokens > 1) {
    const rate = (usage.completion_tokens - 1) / ((performance.now() - first) / 1e3);
    find("speed").textContent = say("tokens")(usage.completion_tokens, rate.toFixed(0), ms(first - began));
  }
}

find("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const model = chosen(), text = find("text").value;
  if (!model || (!text && !FILED[model.task] && model.task !== "fused")) return;
  find("notice").textContent = "";
  find("answer").replaceChildren(make("p", say("working")));
  find("go").disabled = true;
  find("stop").hidden = model.task !== "generate";
  state.abort = new AbortController();
  try {
    const run = { classify, translate, generate: write, image: classifyFile, audio: classifyFile, transcribe, fused: classifyInputs }[model.task];
    await run(model, text, state.abort.signal);
  } catch (error) {
    if (error.name !== "AbortError") {
      find("notice").textContent = error.message;
      find("answer").replaceChildren();
    }
  } finally {
    find("go").disabled = false;
    find("stop").hidden = true;
  }
});
function take(file) {
  if (!file) return;
  state.file = file;
  const heard = FILED[chosen().task] === "audio";
  find("preview").hidden = heard;
  find("heard").hidden = !heard;
  if (state.heard) URL.revokeObjectURL(state.heard);
  state.heard = heard ? URL.createObjectURL(file) : "";
  if (heard) {
    find("heard").src = state.heard;
  } else {
    const reader = new FileReader();
    reader.addEventListener("load", () => {
      find("preview").src = reader.result;
      find("preview").alt = file.name;
    });
    reader.readAsDataURL(file);
  }
  find("ask").requestSubmit();
}

function forget() {
  dropRecording();
  find("record").textContent = say("record");
  state.file = null;
  find("file").value = "";
  for (const id of ["preview", "heard"]) find(id).hidden = true;
  show();
}

find("file").addEventListener("change", () => take(find("file").files[0]));
find("record").addEventListener("click", async () => {
  find("record").disabled = true;
  try {
    if (SOUND.recorder) {
      find("record").textContent = say("record");
      take(await stopRecording());
    } else {
      await startRecording();
      find("record").textContent = say("end");
    }
  } catch (error) {
    find("notice").textContent = error.message;
  } finally {
    find("record").disabled = false;
  }
});
for (const [event, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  find("filed").addEventListener(event, (moved) => {
    moved.preventDefault();
    find("filed").classList.toggle("over", over);
    if (event === "drop") take(moved.dataTransfer.files[0]);
  });
}
find("stop").addEventListener("click", () => state.abort && state.abort.abort());
find("text").addEventListener("input", () => chosen() && showCode(chosen()));
find("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find("ask").requestSubmit();
});
find("model").addEventListener("change", forget);
find("against").addEventListener("change", () => chosen() && showFrontier(chosen()));
find("price").addEventListener("input", showSpeed);
find("language").addEventListener("change", () => speak(find("language").value));
find("key").addEventListener("change", load);
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(find(button.dataset.copy).textContent);
    button.textContent = say("copied");
    setTimeout(() => (button.textContent = say("copy")), 1500);
  });
}

async function load() {
  try {
    const info = await (await ask("/info")).json();
    state.models = info.models;
    find("model").replaceChildren(...info.models.map((model) => make("option", model.id)));
    find("notice").textContent = "";
    if (!info.models.length) {
      find("notice").textContent = say("loading");
      setTimeout(load, 1000);
    }
    show();
  } catch (error) {
    find("notice").textContent = error.message;
  }
}

const first = navigator.language.startsWith("zh") ? "zh" : "en";
find("language").value = first;
speak(first);
load();
