/** Tests of the names in a scenario: each means something, and nothing may wait for itself. */
import { expect, test } from "bun:test";
import { loadText, mistakes, temporaryFolder } from "./scenario.fixture.ts";

const folder = temporaryFolder();

/** A scenario with a pipe, a timer and a lock around the steps of its one task. */
const around = (steps: string, rest = ""): string => `version: 1
devices: { link: pipe, clock: timer }
locks: [gate]
tasks:
  one:
${steps}
${rest}`;

test("resolveReferences() finds the end that a step means, or says why not", async () => {
  const text = around(`    - write: { to: lnk, text: a }
    - write: { to: link.reader, text: a }
    - write: { to: clock, text: a }
    - read: link.raeder
    - close: link.main
    - close: [link, clocks]
    - tick: link`);
  expect(await mistakes(folder, text)).toEqual([
    '6:20 tasks.one[0].write.to names no device: found "lnk", wanted link and clock (did you mean "link"?)',
    '7:20 tasks.one[1].write.to cannot write on "link.reader": wanted writer (write "link.writer")',
    '8:20 tasks.one[2].write.to cannot write on "clock": a timer has no such end',
    '9:13 tasks.one[3].read.from cannot read on "link.raeder": wanted reader (did you mean "link.reader"?)',
    '10:14 tasks.one[4].close.ends names no end of a pipe: found "main", wanted reader and writer',
    '11:21 tasks.one[5].close.ends[1] names no device: found "clocks", wanted link and clock (did you mean "clock"?)',
    '12:13 tasks.one[6].tick.of names a pipe: found "link", wanted a device of the kind timer',
  ]);
});

test("resolveReferences() knows tasks, spawned names, locks and bytes", async () => {
  const text = around(
    `    - join: tow
    - join: one
    - spawn: { task: two, as: one }
    - cancel: twoo
    - with: { lock: gat, do: [{ sleep: 1ms }] }
    - compare: [one.read, recieved]
    - write: { to: link, from: one.read }`,
    `  two: [{ read: { from: link, as: received } }]
expect: { tasks: { three: { bytesRead: 1 } }, sameBytes: [received, nothing] }
`,
  );
  expect(await mistakes(folder, text)).toEqual([
    '6:13 tasks.one[0].join.tasks names no task: found "tow", wanted one and two (did you mean "two"?)',
    '7:13 tasks.one[1].join.tasks names the task itself: found "one"',
    '8:31 tasks.one[2].spawn.as must be a name of its own: found that of the task "one"',
    '9:15 tasks.one[3].cancel.task names no task: found "twoo", wanted one and two (did you mean "two"?)',
    '10:21 tasks.one[4].with.lock names no lock: found "gat", wanted gate (did you mean "gate"?)',
    '11:27 tasks.one[5].compare.values[1] names no bytes: found "recieved", wanted received, one.read, one.written, two.read and two.written (did you mean "received"?)',
    '12:32 tasks.one[6].write.from names no input or kept bytes: found "one.read", wanted received',
    '14:27 expect.tasks.three names no task: found "three", wanted one and two',
    '14:69 expect.sameBytes[0][1] names no bytes: found "nothing", wanted received, one.read, one.written, two.read and two.written',
  ]);
});

test("resolveReferences() refuses to take a lock inside, but not beside itself", async () => {
  const inner = "{ with: { lock: gate, do: [{ sleep: 1ms }] } }";
  const nested = around(
    `    - with: { lock: gate, do: [{ repeat: { times: 2, do: [${inner}] } }] }`,
  );
  expect(await mistakes(folder, nested)).toEqual([
    '6:75 tasks.one[0].with.do[0].repeat.do[0].with.lock takes "gate" while the task holds it (it would wait for itself for ever)',
  ]);
  const beside = around(`    - ${inner}\n    - ${inner}`);
  expect((await loadText(folder, beside)).scenario.locks).toEqual(["gate"]);
});

test("resolveReferences() finds tasks that nobody who runs ever spawns", async () => {
  const text = around(
    "    - spawn: two",
    "  two: [{ spawn: two }]\n  x: [{ spawn: y }]\n  y: [{ spawn: x }]",
  );
  expect(await mistakes(folder, text)).toEqual([
    '8:3 Task "x" never starts: only tasks that never start spawn it',
    '9:3 Task "y" never starts: only tasks that never start spawn it',
  ]);
});

test("resolveReferences() bounds steps, their repeats and their nesting", async () => {
  const deep = `${"{ repeat: { times: 1, do: [".repeat(13)}{ sleep: 1ms }${"] } }".repeat(13)}`;
  expect((await mistakes(folder, around(`    - ${deep}`)))[0]).toContain(
    "Blocks must be nested at most 12 deep: found one more",
  );
  const often =
    "{ repeat: { times: 10000, do: [{ repeat: { times: 10000, do: [{ mark: x }] } }] } }";
  expect(await mistakes(folder, around(`    - ${often}`))).toEqual([
    '6:69 Task "one" carries out more than 10000000 steps (repeat less often)',
  ]);
  const many = Array.from({ length: 10_001 }, () => "    - mark: x").join("\n");
  expect((await mistakes(folder, around(many)))[0]).toBe(
    "6:5 tasks.one must be a list of 1 to 10000 steps: found 10001 of them",
  );
});

test("resolveReferences() refuses names that mean two things", async () => {
  const text = `version: 1
inputs: { text: a.txt }
devices: { link: pipe }
locks: [a, a]
tasks:
  one: [{ read: { from: link, as: text } }]
expect: { tasks: { one: { outcome: completed, error: EPIPE } } }
`;
  expect(await mistakes(folder, text)).toEqual([
    '2:11 The input "text" has the name of bytes that a step keeps (give one of them another name)',
    '4:12 locks[1] declares "a" a second time',
    "7:54 expect.tasks.one.error belongs to the outcome failed: found completed",
  ]);
});

/** A scenario with a listener and a pipe around the steps of two tasks. */
const talking = (one: string, two: string): string => `version: 1
devices: { server: { kind: tcp, role: listen }, client: { kind: tcp, port: 80 }, link: pipe }
tasks:
  one:
${one}
  two:
${two}`;

test("resolveReferences() knows connections in their task and those that it spawns", async () => {
  const sound = talking(
    `    - connect: { to: server, as: mine }
    - spawn: two
    - connect: { to: "[::1]:80", as: other }`,
    `    - write: { to: mine, text: a }
    - accept: { from: server, as: served, do: [{ copy: { from: served, to: other } }] }
    - end: [mine, other]`,
  );
  const { scenario } = await loadText(folder, sound);
  expect(scenario.tasks["two"]).toMatchObject([
    { write: { to: "mine.main" } },
    { accept: { from: "server.main", do: [{ copy: { from: "served.main", to: "other.main" } }] } },
    { end: { ends: ["mine.main", "other.main"] } },
  ]);
  const wrong = talking(
    `    - connect: { to: link, as: mine }
    - connect: { to: client, as: server }
    - connect: { to: "host:0", as: other }
    - accept: { from: server, as: two, do: [{ join: two }] }
    - accept: { from: server, as: served, do: [{ sleep: 1ms }] }`,
    `    - end: mine
    - end: link
    - read: server.reader`,
  );
  expect(await mistakes(folder, wrong)).toEqual([
    '5:22 tasks.one[0].connect.to names no listener: found "link", wanted a device with the role listen',
    '6:22 tasks.one[1].connect.to names no listener: found "client", wanted a device with the role listen',
    '6:34 tasks.one[1].connect.as must be a name of its own: found that of the device "server"',
    '7:22 tasks.one[2].connect.to must be a listener\'s name, "host:port", "[address]:port" or "unix:/path": found "host:0"',
    '8:35 tasks.one[3].accept.as must be a name of its own: found that of the task "two"',
    '8:53 tasks.one[3].accept.do[0].join.tasks names the task itself: found "two"',
    '11:12 tasks.two[0].end.ends names no device: found "mine", wanted server, client and link',
    '12:12 tasks.two[1].end.ends cannot end on "link": a pipe has no such end',
    '13:13 tasks.two[2].read.from cannot read on "server.reader": wanted main (write "server.main")',
  ]);
});

test("resolveReferences() refuses changes of a network that is the machine's own", async () => {
  const text = `version: 1
backend: uring
tasks:
  one:
    - network: { partition: [a, b] }`;
  expect(await mistakes(folder, text)).toEqual([
    "5:7 tasks.one[0] changes the emulated network: found backend uring (write `backend: emulated`)",
  ]);
});
