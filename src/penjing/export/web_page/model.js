// The model: what it reads, what it says. Nothing leaves this device.
import * as ort from "./runtime/ort.wasm.min.mjs";
import { pictureReader } from "./picture.js";
import { textReader } from "./text.js";

const READERS = { tokens: textReader, pixels: pictureReader };

export async function openModel() {
  const config = await (await fetch("config.json")).json();
  ort.env.wasm.wasmPaths = new URL("runtime/", document.baseURI).href;
  ort.env.wasm.numThreads = 1;
  const [read, bytes] = await Promise.all([
    READERS[config.input.type](config.input, ort),
    fetch(config.model).then((reply) => reply.arrayBuffer()),
  ]);
  const session = await ort.InferenceSession.create(bytes);
  const logits = async (input) => {
    const found = await session.run(await read(input));
    return Array.from(Object.values(found)[0].data);
  };
  return { config, logits, classify: async (input) => answer(await logits(input), config) };
}

export function answer(logits, config) {
  const scaled = logits.map((value) => value / config.temperature);
  const scores = config.multi_label ? scaled.map((value) => 1 / (1 + Math.exp(-value))) : softmax(scaled);
  const best = scores.indexOf(Math.max(...scores));
  const certainty = config.multi_label ? Math.min(...scores.map((p) => Math.max(p, 1 - p))) : scores[best];
  const sure = config.abstain_below === null || certainty >= config.abstain_below;
  return { label: sure ? config.labels[best] : "abstain", score: scores[best], scores };
}

function softmax(values) {
  const top = Math.max(...values), raised = values.map((value) => Math.exp(value - top));
  const sum = raised.reduce((one, other) => one + other, 0);
  return raised.map((value) => value / sum);
}

// Golden answers are those of the machine where the bundle was made.
export async function verify(model) {
  const lines = (await (await fetch("golden.jsonl")).text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  let changed = 0, largest = 0;
  for (const row of lines) {
    const input = row.image ? new Blob([bytesOf(row.image)], { type: "image/png" }) : row.text;
    const found = await model.logits(input);
    changed += model.config.labels[found.indexOf(Math.max(...found))] !== row.label;
    largest = Math.max(largest, ...found.map((value, place) => Math.abs(value - row.logits[place])));
  }
  return { n: lines.length, changed, largest };
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
