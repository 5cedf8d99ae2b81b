// Pictures as pixels, framed as the bundle frames them: the same arithmetic as Pillow's, byte for byte.
// Source: Pillow's documentation of resize, box, reducing_gap, and of the luma transform of mode L.

const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
};
const BITS = 22;
const GAP = 3;
const MARK = "penjing-framed";

function cubic(value) {
  const x = Math.abs(value), a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

export async function pictureReader(frame, ort) {
  return async (file) => {
    const whole = await isFramed(file), picture = await decoded(file);
    const pixels = framed(picture, whole ? { ...frame, share: 1 } : frame);
    return { pixels: new ort.Tensor("uint8", pixels, [1, frame.size, frame.size, frame.channels]) };
  };
}

async function isFramed(file) {
  const head = new Uint8Array(await file.slice(0, 256).arrayBuffer());
  return String.fromCharCode(...head).includes(MARK);
}

async function decoded(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  bitmap.close();
  return { data: withoutAlpha(data), width, height, channels: 3 };
}

function withoutAlpha(data) {
  const found = new Uint8ClampedArray((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    found[to] = data[from];
    found[to + 1] = data[from + 1];
    found[to + 2] = data[from + 2];
  }
  return found;
}

export function framed(picture, frame) {
  const filter = FILTERS[frame.resample];
  const { image, box } = reduced(picture, boxOf(picture, frame), frame.size, filter);
  const scaled = box[0] === 0 && box[1] === 0 && image.width === frame.size && image.height === frame.size
    && box[2] === frame.size && box[3] === frame.size ? image : resized(image, box, frame.size, filter);
  return frame.channels === 1 ? grey(scaled) : new Uint8Array(scaled.data);
}

function boxOf({ width, height }, frame) {
  if (frame.way === "stretch") return [0, 0, width, height];
  const side = Math.min(width, height) * frame.share, left = (width - side) / 2, upper = (height - side) / 2;
  return [left, upper, left + side, upper + side];
}

// Large pictures are first averaged over whole squares.
function reduced(image, box, size, filter) {
  const factors = [0, 1].map((axis) => Math.trunc((box[axis + 2] - box[axis]) / size / GAP) || 1);
  if (factors[0] === 1 && factors[1] === 1) return { image, box };
  const margin = [0, 1].map((axis) => ((filter.support - 0.5) * (box[axis + 2] - box[axis])) / size);
  const limit = [image.width, image.height];
  const from = [0, 1].map((axis) => Math.max(0, Math.trunc(box[axis] - margin[axis])));
  const to = [0, 1].map((axis) => Math.min(limit[axis], Math.ceil(box[axis + 2] + margin[axis])));
  return {
    image: averaged(image, from, to, factors),
    box: box.map((value, place) => (value - from[place % 2]) / factors[place % 2]),
  };
}

function averaged({ data, width, channels }, from, to, [across, down]) {
  const size = [Math.ceil((to[0] - from[0]) / across), Math.ceil((to[1] - from[1]) / down)];
  const found = new Uint8ClampedArray(size[0] * size[1] * channels);
  for (let row = 0; row < size[1]; row += 1) {
    const top = from[1] + row * down, bottom = Math.min(to[1], top + down);
    for (let column = 0; column < size[0]; column += 1) {
      const left = from[0] + column * across, right = Math.min(to[0], left + across);
      const count = (bottom - top) * (right - left), part = Math.trunc(Math.fround(2 ** 32 / (256 * count)));
      for (let channel = 0; channel < channels; channel += 1) {
        let sum = count >> 1;
        for (let y = top; y < bottom; y += 1) {
          for (let x = left; x < right; x += 1) sum += data[(y * width + x) * channels + channel];
        }
        found[(row * size[0] + column) * channels + channel] = Math.floor((sum * part) / 2 ** 24);
      }
    }
  }
  return { data: found, width: size[0], height: size[1], channels };
}

function resized(image, box, size, filter) {
  const { data, width, height, channels } = image;
  const columns = weights(width, box[0], box[2], size, filter), rows = weights(height, box[1], box[3], size, filter);
  const narrow = new Uint8ClampedArray(height * size * channels);
  for (let y = 0; y < height; y += 1) {
    columns.forEach(({ first, shares }, x) => {
      for (let channel = 0; channel < channels; channel += 1) {
        narrow[(y * size + x) * channels + channel] = blend(shares, (place) => data[(y * width + first + place) * channels + channel]);
      }
    });
  }
  const found = new Uint8ClampedArray(size * size * channels);
  rows.forEach(({ first, shares }, y) => {
    for (let x = 0; x < size * channels; x += 1) {
      found[y * size * channels + x] = blend(shares, (place) => narrow[(first + place) * size * channels + x]);
    }
  });
  return { data: found, width: size, height: size, channels };
}

function blend(shares, value) {
  let sum = 1 << (BITS - 1);
  for (let place = 0; place < shares.length; place += 1) sum += shares[place] * value(place);
  return Math.max(0, Math.min(255, sum >> BITS));
}

function weights(length, from, to, size, filter) {
  const scale = (to - from) / size, spread = Math.max(scale, 1), support = filter.support * spread;
  return Array.from({ length: size }, (_, place) => {
    const centre = from + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(length, Math.trunc(centre + support + 0.5));
    const raw = Array.from({ length: end - first }, (__, x) => filter.weight((x + first - centre + 0.5) / spread));
    const sum = raw.reduce((one, other) => one + other, 0);
    const shares = raw.map((value) => {
      const share = (value / sum) * 2 ** BITS;
      return Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    });
    return { first, shares };
  });
}

function grey({ data }) {
  const found = new Uint8Array(data.length / 3);
  for (let from = 0, to = 0; to < found.length; from += 3, to += 1) {
    found[to] = (data[from] * 19595 + data[from + 1] * 38470 + data[from + 2] * 7471 + 0x8000) >> 16;
  }
  return found;
}
