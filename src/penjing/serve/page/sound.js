"use strict";

// Records from the microphone and returns a WAV file of 16 bits: what browsers record in, not every decoder reads.
const SOUND = { recorder: null, parts: [] };

async function startRecording() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  SOUND.parts = [];
  SOUND.recorder = new MediaRecorder(stream);
  SOUND.recorder.addEventListener("dataavailable", (event) => SOUND.parts.push(event.data));
  SOUND.recorder.start();
}

function stopRecording() {
  return new Promise((resolve, reject) => {
    const recorder = SOUND.recorder;
    recorder.addEventListener("stop", async () => {
      for (const track of recorder.stream.getTracks()) track.stop();
      SOUND.recorder = null;
      try {
        resolve(await asWave(new Blob(SOUND.parts, { type: recorder.mimeType })));
      } catch (error) {
        reject(error);
      }
    });
    recorder.stop();
  });
}

function dropRecording() {
  if (!SOUND.recorder) return;
  for (const track of SOUND.recorder.stream.getTracks()) track.stop();
  SOUND.recorder = null;
}

async function asWave(blob) {
  const context = new AudioContext();
  try {
    const sound = await context.decodeAudioData(await blob.arrayBuffer());
    const mixed = new Float32Array(sound.length);
    for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
      sound.getChannelData(channel).forEach((value, place) => (mixed[place] += value / sound.numberOfChannels));
    }
    return new File([waveBytes(mixed, sound.sampleRate)], "recording.wav", { type: "audio/wav" });
  } finally {
    await context.close();
  }
}

function waveBytes(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const word = (place, text) => [...text].forEach((letter, index) => view.setUint8(place + index, letter.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, place) => view.setInt16(44 + 2 * place, Math.max(-1, Math.min(1, value)) * 32767, true));
  return view.buffer;
}
