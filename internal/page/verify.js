// Checks a receipt of avow in the browser: nothing is sent and nobody is asked.
// It accepts what the Go package receipt accepts, where the format is described.

const HEADER = "c2sp.org/tlog-proof@v1\n";
const MAX = 64 * 1024;
const bytes = (text) => new TextEncoder().encode(text);

class Refused extends Error {}
class Unable extends Error {}

function hold(condition, otherwise) {
	if (!condition) throw new Refused(otherwise);
}

// Bytes that are not UTF-8, and halves of characters, are in no receipt.
function decode(input) {
	try {
		const text = typeof input === "string" ? input : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input);
		return /\p{Surrogate}/u.test(text) ? null : text;
	} catch {
		return null;
	}
}

// Base64 has one right spelling: atob alone forgives spaces and spare bits.
function unbase64(text) {
	try {
		const raw = atob(text);
		return btoa(raw) === text ? Uint8Array.from(raw, (c) => c.charCodeAt(0)) : null;
	} catch {
		return null;
	}
}

function hash(text) {
	const raw = unbase64(text);
	return raw?.length === 32 ? raw : null;
}

// hashes cuts bytes into hashes.
function hashes(raw) {
	hold(raw && raw.length % 32 === 0 && raw.length <= 63 * 32, "Line 2 does not hold hashes where it should.");
	return Array.from({ length: raw.length / 32 }, (_, i) => raw.slice(32 * i, 32 * i + 32));
}

// A log may have more entries than a JavaScript number can count, up to 2^62.
function number(text) {
	const n = /^(0|[1-9]\d{0,18})$/.test(text) ? BigInt(text) : null;
	return n <= 2n ** 62n ? n : null;
}

// canonical writes JSON in the form of RFC 8785.
function canonical(v) {
	if (Array.isArray(v)) return "[" + v.map(canonical).join() + "]";
	if (v !== null && typeof v === "object") {
		return "{" + Object.keys(v).sort().map((k) => canonical(k) + ":" + canonical(v[k])).join() + "}";
	}
	hold(decode(String(v)) !== null);
	return JSON.stringify(v);
}

const isText = (v) => typeof v === "string";
const isWhole = (v) => Number.isInteger(v) && Math.abs(v) < 2 ** 63;
const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);

// A moment to the second in UTC, on a day that there is.
function isMoment(v) {
	const time = new Date(v);
	return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(v) && !isNaN(time) && time.toISOString() === v.replace("Z", ".000Z");
}

const isBulk = (v) => isObject(v) && Object.keys(v).join() === "entry,index,path" && isText(v.entry) && isWhole(v.index) && isText(v.path);
const isNames = (v) => Array.isArray(v) && v.length > 0 && v.length <= 16 && v.every(isText) && new Set(v).size === v.length;
const EXTRA = { bulk: isBulk, k: isText, key: isText, payload: isText, witnesses: isNames };
const EVENT = { at: isMoment, clause: isText, n: isWhole, nonce: isText, prev: isText, statement: isWhole, type: isText, x: isObject };

// record reads canonical JSON with exactly these members; some may be missing.
function record(text, members, otherwise, missing = []) {
	try {
		const v = JSON.parse(text);
		hold(isObject(v) && canonical(v) === text);
		const names = Object.keys(members).filter((name) => Object.hasOwn(v, name) || !missing.includes(name));
		hold(Object.keys(v).join() === names.join());
		for (const name of names) hold(members[name](v[name]));
		return v;
	} catch {
		throw new Refused(otherwise);
	}
}

// parse reads a receipt without checking what it claims.
function parse(input) {
	const text = decode(input);
	hold(text !== null, "This is not text.");
	hold(bytes(text).length <= MAX, "This is too long for a receipt.");
	hold(text.startsWith(HEADER), "This is not a receipt: its first line is another.");
	const parts = text.slice(HEADER.length).match(/^extra (.+)\nindex (.+)((?:\n.+){0,63})\n\n([^]*)$/);
	hold(parts, "This is not a receipt, or only a part of one.");
	const raw = unbase64(parts[1]);
	const extra = record(raw && decode(raw), EXTRA, "Line 2 is not that of an avow receipt.", ["bulk", "witnesses"]);
	extra.k = hash(extra.k);
	hold(extra.k, "Line 2 does not hold the entry's key.");
	if (extra.bulk) extra.bulk.path = hashes(unbase64(extra.bulk.path));
	const index = number(parts[2]);
	hold(index !== null, "Line 3 is not an index, a number without leading zeros.");
	const path = parts[3].split("\n").slice(1).map(hash);
	hold(path.every(Boolean), "A line of the proof is not a hash in base64.");
	return { extra, index, path, checkpoint: parts[4] };
}

const same = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(parts.flatMap((p) => [...p]))));

// openKey reads a verifier key of c2sp.org/signed-note.
async function openKey(key, kind, whose) {
	const [, name, id, material] = key.match(/^([^+\p{White_Space}]+)\+([0-9a-f]{8})\+(.+)$/u) ?? [];
	const raw = unbase64(material);
	hold(raw?.length === 33 && raw[0] === kind, `The key it names is not a ${whose}'s key.`);
	const tag = (await sha256(bytes(name + "\n"), raw)).slice(0, 4);
	hold(Array.from(tag, (b) => b.toString(16).padStart(2, "0")).join("") === id, "The key it names is misspelt.");
	return { name, tag, raw: raw.slice(1) };
}

async function isSigned(key, signature, message) {
	try {
		key = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
	} catch (e) {
		if (e.name === "DataError") return false; // the bytes are no key
		throw new Unable("This browser cannot check Ed25519 signatures.");
	}
	return crypto.subtle.verify("Ed25519", key, signature, message);
}

// signature reads a signature line of a note.
function signature(line) {
	const [, name, mark] = line.match(/^— ([^ ]+) ([^ ]+)$/) ?? [];
	const raw = unbase64(mark);
	hold(name && raw, "A signature is misspelt.");
	return { name, id: raw.slice(0, 4), raw: raw.slice(4) };
}

// openCheckpoint checks that the log has signed, and the witnesses that are
// named, and nobody else.
async function openCheckpoint(note, vkey, witnesses) {
	const key = await openKey(vkey, 1, "log");
	hold(!/[\0-\x09\x0b-\x1f]/.test(note), "The checkpoint holds control characters.");
	const [, text, origin, size, root, lines] = note.match(/^((.+)\n(.+)\n(.+)\n)\n((?:— .+\n)+)$/) ?? [];
	const head = { origin, size: number(size), root: hash(root) };
	hold(origin === key.name && head.size !== null && head.root, "The checkpoint is not one of this log.");
	const [own, ...others] = lines.split("\n").slice(0, -1).map(signature);
	hold(own.name === origin && same(own.id, key.tag) && own.raw.length === 64 && (await isSigned(key.raw, own.raw, bytes(text))), "The signature is not the log's.");
	hold(others.length === witnesses.length, "The checkpoint is not signed by the log and by the witnesses it names, and nobody else.");
	for (const [i, s] of others.entries()) {
		const w = await openKey(witnesses[i], 4, "witness");
		const time = s.raw.slice(0, 8).reduce((n, b) => n * 256n + BigInt(b), 0n);
		hold(w.name === s.name && w.name !== origin && same(s.id, w.tag) && s.raw.length === 72 && time <= 253402300799n
			&& (await isSigned(w.raw, s.raw.slice(8), bytes(`cosignature/v1\ntime ${time}\n${text}`))), `The signature is not that of the witness ${w.name}.`);
	}
	head.cosigned = others.map((s) => s.name);
	return head;
}

// commit is what the log knows of the payload.
async function commit(k, payload) {
	const key = await crypto.subtle.importKey("raw", k, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
	return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(payload)));
}

const entry = (c) => bytes(`{"c":"${btoa(String.fromCharCode(...c))}","k":"e","v":1}`);

// inBulk says with how many events this one shares its entry in the log.
async function inBulk({ entry, index, path }, c) {
	let fact;
	try {
		fact = JSON.parse(entry);
		hold(bytes(entry).length <= 4096 && isObject(fact) && canonical(fact) === entry);
	} catch {
		fact = {};
	}
	const root = isText(fact.root) && hash(fact.root);
	const fits = fact.k === "b" && fact.v === 1 && isText(fact.c ?? "") && root && isWhole(fact.n) && fact.n <= 2 ** 53 && index >= 0;
	hold(fits && (await included(path, BigInt(fact.n), root, BigInt(index), c)), "The event is not in the bulk it names.");
	return fact.n;
}

// included checks an inclusion proof as RFC 9162 does in section 2.1.3.2.
async function included(path, size, root, index, leaf) {
	let [at, last, sum] = [index, size - 1n, await sha256([0], leaf)];
	if (at > last) return false;
	for (const sibling of path) {
		if (last === 0n) return false;
		const right = at & 1n || at === last;
		sum = await (right ? sha256([1], sibling, sum) : sha256([1], sum, sibling));
		for (; right && !(at & 1n) && at; at >>= 1n) last >>= 1n;
		at >>= 1n;
		last >>= 1n;
	}
	return last === 0n && same(sum, root);
}

// verify checks a receipt, given as text or bytes. With vkey it must be of a log
// with one of those keys, between spaces; without, it brings its own. The steps of the answer are in
// plain words; the last is the one that failed, if one did.
export async function verify(input, vkey = "") {
	const steps = [];
	const passed = (text) => steps.push({ ok: true, text });
	try {
		if (!globalThis.crypto?.subtle) throw new Unable("Browsers check signatures only on pages that came over https.");
		const { extra, index, path, checkpoint } = parse(input);
		passed("It is a whole receipt, in its one right spelling.");
		if (vkey) {
			hold(vkey.split(" ").includes(extra.key), "It is of a log with another key.");
			passed("It names a log's key that is printed on this page.");
		}
		const { origin, size, root, cosigned } = await openCheckpoint(checkpoint, extra.key, extra.witnesses ?? []);
		passed(`The log ${origin} has signed for ${size} ${size === 1n ? "entry" : "entries"}.`);
		if (cosigned.length) passed(`So ${cosigned.length === 1 ? "has" : "have"} ${cosigned.join(", ")}. Whether to trust them is for you to say.`);
		const event = record(extra.payload, EVENT, "What it records is not an event.");
		const c = await commit(extra.k, extra.payload);
		const n = extra.bulk ? await inBulk(extra.bulk, c) : 0;
		hold(await included(path, size, root, index, n ? bytes(extra.bulk.entry) : entry(c)), "The event is not in the log at the place it names.");
		if (n) passed(`It is one of ${n} events that share an entry.`);
		passed(`The event is in the log, as entry ${index}, and not a letter of it was changed.`);
		return { ok: true, event, origin, size, index, bulk: n, cosigned, steps };
	} catch (e) {
		const unable = e instanceof Unable;
		steps.push({ ok: false, text: unable || e instanceof Refused ? e.message : "This cannot be read as a receipt." });
		return { ok: false, unable, steps };
	}
}

function element(name, className, ...content) {
	const e = document.createElement(name);
	e.className = className;
	e.append(...content);
	return e;
}

function show(status, { ok, unable, event, steps }) {
	const verdict = ok ? "This receipt holds." : unable ? "This could not be checked here." : "This receipt does not hold.";
	const say = unable ? " Save it as a file and run: avow verify FILE"
		: ok ? ` It says: ${event.type}, ${event.at.slice(0, 10)} ${event.at.slice(11, 16)} UTC, under version ${event.statement} of the statement${event.clause && ", promise " + event.clause}.` : "";
	const items = steps.map((s) => element("li", s.ok ? "pass" : "fail", element("span", "hidden", s.ok ? "Right: " : "Wrong: "), s.text));
	status.replaceChildren(element("div", "note " + (ok ? "good" : "bad"),
		element("p", "", element("strong", "", verdict), say), element("ol", "steps", ...items)));
}

// enhance makes a form check receipts by itself: pasted, chosen or dropped.
export function enhance(form, status) {
	const area = form.querySelector("[name=receipt]");
	const file = form.querySelector("[type=file]");
	const check = async (input) => show(status, await verify(input, form.dataset.key));
	const open = async (f) => check(new Uint8Array(await f.slice(0, MAX + 1).arrayBuffer()));
	form.addEventListener("submit", (e) => {
		e.preventDefault();
		// A receipt ends in one line end, whatever was selected to copy it.
		file.files.length ? open(file.files[0]) : check(area.value.trim() + "\n");
	});
	area.addEventListener("input", () => { file.value = ""; }); // the latest counts
	file.addEventListener("change", () => file.files.length && open(file.files[0]));
	form.addEventListener("dragover", (e) => e.dataTransfer.types.includes("Files") && e.preventDefault());
	form.addEventListener("drop", (e) => {
		if (!e.dataTransfer.files.length) return;
		e.preventDefault();
		file.files = e.dataTransfer.files;
		open(file.files[0]);
	});
}

const form = globalThis.document?.getElementById("verify");
if (form) enhance(form, document.getElementById("result"));
