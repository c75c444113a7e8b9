// The programs that README.md shows, as they stand there.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Process, Service } from "./service.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const programs = [...readme.matchAll(/```js\n([^]*?)```/g)].map(([, program]) => program);

/** A file in this package, where its name leads to it as it will once it is installed. */
function file(name, program) {
  const folder = new URL("../target/readme/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(name, folder), program);
  return fileURLToPath(new URL(name, folder));
}

test("the device", async (context) => {
  assert.equal(programs.length, 2);
  const service = await Service.start(context);
  const run = (token) =>
    new Process(process.execPath, [file("device.mjs", programs[0]), service.url], {
      env: { ...process.env, DORMOUSE_TOKEN: token },
    });
  const device = run("canary-device");
  context.after(() => device.child.kill("SIGKILL"));
  await device.lines.next("attempt 1: connected");
  await device.lines.next("heartbeat 1: accepted");
  await service.wake();
  assert.equal(await device.lines.next("go to"), "go to wss://relay.example/1");
  await device.lines.next(": connected in");
  assert.equal(await device.end("SIGTERM"), 0, device.lines.all);
  assert.match(device.lines.all, /stopping: as asked/);

  const stranger = run("canary-stranger");
  assert.equal(await stranger.end(), 3, stranger.lines.all);
  for (const { lines } of [device, stranger]) {
    assert.ok(!lines.all.includes("canary"), lines.all);
  }
});

test("the loop", async () => {
  const child = new Process(process.execPath, [file("loop.mjs", programs[1])]);
  assert.equal(await child.end(), 0, child.lines.all);
  assert.match(child.lines.all, /attempt 1: connecting/);
});
