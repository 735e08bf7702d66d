// Run by TestVerifyAgrees, which hands over the texts and Go's verdicts.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";
import test from "node:test";

globalThis.crypto ??= webcrypto; // node 18, which Debian 12 has
// The page's script is a module by how the page loads it, not by its name.
const source = await readFile(new URL("../../internal/page/verify.js", import.meta.url));
const { verify } = await import("data:text/javascript;base64," + source.toString("base64"));
const cases = JSON.parse(await readFile(process.env.AVOW_CASES, "utf8"));

test("the script is small", () => assert.ok(source.length <= 13 * 1024, `${source.length} bytes`));

test("same verdict as Go", async () => {
  const differ = [];
  for (const c of cases) {
    const got = await verify(new Uint8Array(Buffer.from(c.data, "base64")), c.key);
    if (got.ok !== c.ok) differ.push(`${c.name}: Go says ${c.ok}, the page says ${got.ok}: ${got.steps.at(-1).text}`);
    assert.equal(got.steps.at(-1).ok, got.ok, c.name);
    assert.notEqual(got.steps.at(-1).text, "This cannot be read as a receipt.", c.name);
  }
  assert.deepEqual(differ, []);
});

test("says what it found", async () => {
  const { data, key } = cases.find((c) => c.name === "golden, pinned");
  const text = Buffer.from(data, "base64").toString();
  const got = await verify(text, key);
  assert.equal(got.event.clause, "contact");
  assert.deepEqual([got.origin, got.size, got.index], ["harbour.example/log", 7n, 3n]);
  assert.equal(got.steps.length, 4);
  const changed = await verify(text.replace("index 3", "index 2"), key);
  assert.deepEqual([changed.ok, changed.event], [false, undefined]);
  assert.match(changed.steps.at(-1).text, /not in the log at the place/);
});

test("says what else it found", async () => {
  const { data } = cases.find((c) => c.name === "bulk, cosigned");
  const got = await verify(Buffer.from(data, "base64").toString());
  assert.deepEqual([got.bulk, got.cosigned], [5, ["b.example/w", "a.example"]]);
  assert.equal(got.steps.length, 5);
});

test("without Ed25519 it names avow verify", async (t) => {
  const { data } = cases.find((c) => c.name === "golden");
  const plain = crypto.subtle.importKey.bind(crypto.subtle);
  t.mock.method(crypto.subtle, "importKey", (format, key, algorithm, ...rest) => {
    if (algorithm === "Ed25519") throw new DOMException("Unrecognized name.", "NotSupportedError");
    return plain(format, key, algorithm, ...rest);
  });
  const got = await verify(Buffer.from(data, "base64").toString());
  assert.deepEqual([got.ok, got.unable], [false, true]);
  assert.match(got.steps.at(-1).text, /Ed25519/);
});
