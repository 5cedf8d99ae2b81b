// Texts as piece ids, as the bundle's tokenizer.json has them.
import { Tokenizer } from "./runtime/tokenizers.min.mjs";

export async function textReader(input, ort) {
  const tokenizer = new Tokenizer(await (await fetch("tokenizer.json")).json(), {});
  const ids = (text) => {
    const found = tokenizer.encode(text).ids;
    if (found.length <= input.max_length) return found;
    return [...found.slice(0, input.max_length - input.after), ...found.slice(found.length - input.after)];
  };
  return (text) => {
    const found = BigInt64Array.from(ids(text), BigInt), shape = [1, found.length];
    return {
      input_ids: new ort.Tensor("int64", found, shape),
      attention_mask: new ort.Tensor("int64", new BigInt64Array(found.length).fill(1n), shape),
    };
  };
}
