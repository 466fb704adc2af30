// A phone in a page: does what /next says, tells /event what happens, and /audio what it heard.
"use strict";

const RATE = 8000;
const setup = await (await fetch("/setup")).json();
let session = null;
let recording = [];

// One after the other, so that they arrive as they happened.
let told = Promise.resolve();
const tell = (name, fact = "") => {
  const body = JSON.stringify({ name, fact: String(fact) });
  told = told.then(() => fetch("/event", { method: "POST", body }));
  return told;
};

// One context from the beginning: to open another one may take as long as a call.
const context = new AudioContext({ sampleRate: RATE });
const tap = context.createScriptProcessor(1024, 1, 1);
tap.onaudioprocess = (event) => recording.push(event.inputBuffer.getChannelData(0).slice());
tap.connect(context.destination);
let heard = null;

// What we play: a sine, as the other phones of the lab do.
function tone(hz) {
  const source = new OscillatorNode(context, { frequency: hz });
  const volume = new GainNode(context, { gain: 0.25 });
  const out = new MediaStreamAudioDestinationNode(context);
  source.connect(volume).connect(out);
  source.start();
  return out.stream;
}

// What we hear, as samples. Chromium decodes a remote track only while an element plays it, muted or not.
function record(stream) {
  document.getElementById("sound").srcObject = stream;
  heard?.disconnect();
  heard = context.createMediaStreamSource(stream);
  heard.connect(tap);
}

function follow(connection) {
  connection.addEventListener("track", (event) => record(new MediaStream([event.track])));
  connection.addEventListener("icecandidateerror", (event) => tell("candidate failed", `${event.errorCode} ${event.url}`));
  connection.addEventListener("connectionstatechange", () => tell("media", connection.connectionState));
}

async function ended(cause) {
  const samples = new Int16Array(recording.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of recording) for (const value of part) samples[at++] = Math.max(-1, Math.min(1, value)) * 32767;
  await fetch("/audio", { method: "POST", body: samples.buffer });
  session = null;
  await tell("idle", cause);
}

const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(setup.url)],
  uri: `sip:${setup.user}@${setup.domain}`,
  password: setup.password,
  register_expires: 120,
});
const media = { mediaStream: tone(setup.tone_hz), pcConfig: setup.pc_config };

ua.on("connected", () => tell("connected"));
ua.on("disconnected", (event) => tell("disconnected", event.code));
ua.on("registered", () => tell("registered"));
ua.on("registrationFailed", (event) => tell("registration failed", event.cause));
ua.on("newRTCSession", ({ originator, session: made, request }) => {
  session = made;
  recording = [];
  if (made.connection) follow(made.connection);
  else made.on("peerconnection", (event) => follow(event.peerconnection));
  made.on("progress", () => tell("ringing"));
  made.on("confirmed", () => tell("talking"));
  made.on("ended", (event) => ended(event.cause));
  made.on("failed", (event) => ended(`${event.cause} ${event.message?.status_code ?? ""}`));
  made.on("reinvite", () => tell("reinvited"));
  if (originator === "remote") made.answer(media);
});
ua.start();

const doing = {
  dial: (user) => ua.call(`sip:${user}@${setup.domain}`, media),
  hangup: () => session?.terminate(),
  hold: () => session?.hold(),
  resume: () => session?.unhold(),
  leave: () => ua.stop(),
};
for (;;) {
  const { name, fact } = await (await fetch("/next")).json();
  try {
    if (name) doing[name](fact);
  } catch (error) {
    await tell("failed", error);
  }
}
