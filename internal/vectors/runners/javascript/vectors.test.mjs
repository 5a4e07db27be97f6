// Plays the vectors of this folder against a server that claims to be CloudTrail, each as a test of its own.
//
//     CONFORM_ENDPOINT=http://127.0.0.1:5000 node --test vectors.test.mjs
//     CONFORM_ENDPOINT=… node --test --test-name-pattern=put/replaces vectors.test.mjs      only these
//
// CONFORM_ENDPOINT       the URL of the server; hosts of AWS are refused
// CONFORM_FAIL_ON        documented, observed (the default) or inferred: rules below that level are played, and fail nothing
// CONFORM_KNOWN          a file of vector ids and rule ids that are known to fail, one a line, with # comments
// CONFORM_ACCESS_KEY_ID  what requests claim to be signed with (default: test); many emulators take 12 digits for the account
//
// A vector passes, fails at its last step, is blocked (an earlier step went wrong, which is another vector's business), or
// is skipped, since the server lacks what it needs, or takes an accepted way on which the vector says no more.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { relative } from 'node:path';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../../', import.meta.url);
const TIMEOUT = 10; // seconds for an answer, from the connection to its last byte
const REPEATS = 5; // of a request that was throttled
const LARGEST = 1 << 20; // bytes of an answer that are read
const LEVELS = ['documented', 'observed', 'inferred'];
const PREFIXES = { short: 'CloudTrail_20131101.', long: 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.' };

class Problem extends Error {} // why nothing can be played, in one line

function read(name, schema) {
  const path = fileURLToPath(new URL(name, FOLDER));
  let content;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (e) {
    throw new Problem(`${path} cannot be read: ${e.message}`);
  }
  if (content.schema !== schema) throw new Problem(`${path} is ${content.schema}, and this runner reads ${schema}: take both from one set`);
  return content;
}

// --- the wire --------------------------------------------------------------------------------------------------------

// endpoint reads the URL of a server, and throws where nothing may or can be sent to it.
function endpoint(text) {
  if (!text) throw new Problem('CONFORM_ENDPOINT is not set; it is the URL of the server, such as http://127.0.0.1:5000');
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new Problem('CONFORM_ENDPOINT is no URL; write one such as http://127.0.0.1:5000');
  }
  if (url.username || url.password) throw new Problem('CONFORM_ENDPOINT must not carry a user name or password');
  if (!['http:', 'https:'].includes(url.protocol) || url.search || url.hash) {
    throw new Problem('CONFORM_ENDPOINT is no URL of a server; write one such as http://127.0.0.1:5000');
  }
  const host = url.hostname.replace(/\.+$/, '');
  const aws = /^(.*\.)?(aws|aws\.dev|aws\.amazon\.com|amazonaws-us-gov\.com|ic\.gov|sgov\.gov|adc-e\.uk|scloud)$/;
  if (aws.test(host) || host.split('.').some((label) => ['amazonaws', 'amazonwebservices'].includes(label))) {
    throw new Problem(`${host} belongs to AWS; the vectors are for emulators`);
  }
  if (/^169\.254\.|^\[fe[89ab]|^\[fd00:ec2:|^\[::ffff:a9fe:/.test(host)) {
    throw new Problem(`${host} is a link-local address, where metadata of an instance may be served`);
  }
  return url;
}

// exchange sends a request and returns status, headers and body.
function exchange(server, method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const { request } = server.protocol === 'https:' ? https : http;
    const options = { method, path: server.pathname.replace(/\/$/, '') + path, headers, agent: false, signal: AbortSignal.timeout(TIMEOUT * 1000) };
    const late = (e) => e.name === 'AbortError' || e.name === 'TimeoutError';
    const fail = (e) => reject(new Error(late(e) ? `no answer within ${TIMEOUT} s` : `no answer: ${e.code ?? e.message}`));
    const req = request(server, options, (res) => {
      const chunks = [];
      let size = 0;
      const done = () => resolve({ status: res.statusCode, headers: res.headers, data: Buffer.concat(chunks).subarray(0, LARGEST) });
      res.on('error', fail).on('end', done);
      res.on('data', (chunk) => {
        chunks.push(chunk);
        if ((size += chunk.length) > LARGEST) done(req.destroy());
      });
    });
    req.on('error', fail).end(body);
  });
}

// signed sends a request of a Region. No secret is at hand: the signature is made up. What servers read is its scope.
function signed(run, method, path, text, { region, service = 'cloudtrail', target }) {
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${run.key}/${now.slice(0, 8)}/${region}/${service}/aws4_request`;
  const body = Buffer.from(text);
  return exchange(run.server, method, path, body, {
    'Content-Type': 'application/x-amz-json-1.1',
    'Content-Length': body.length,
    'X-Amz-Date': now,
    Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
    ...(target && { 'X-Amz-Target': target }),
  });
}

// bucket asks an S3 at the same endpoint, where there is one, and returns the status.
async function bucket(run, method, path, body = '') {
  try {
    return (await signed(run, method, `/${path}`, body, { region: run.symbols.region, service: 's3' })).status;
  } catch {
    return 0;
  }
}

async function makeBucket(run, name) {
  await bucket(run, 'PUT', name);
  await bucket(run, 'PUT', `${name}?policy`, policy(name, 'Allow'));
}

// policy is one of a bucket that lets CloudTrail write, or denies it.
function policy(name, effect) {
  const of = { Principal: { Service: 'cloudtrail.amazonaws.com' }, Action: 's3:PutObject', Resource: `arn:aws:s3:::${name}/*` };
  return JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: effect, ...of }] });
}

// ask sends the request of a step once. The kind of an answer is success, refused, other, or none (nothing came, or a crash).
async function ask(run, step, symbols) {
  const none = { kind: 'none', status: 0, code: '', spelt: false, body: {} };
  const region = fill(step.region ?? '${region}', symbols);
  try {
    if (step.arrange) {
      const answer = await arrange(run, step, region, symbols);
      return answer ?? { ...none, text: 'it cannot be brought about' };
    }
    const target = PREFIXES[step.prefix ?? 'short'] + step.operation;
    const method = step.method ?? 'POST';
    return understood(await signed(run, method, '/', sent(step, symbols), { region, target }), 'raw' in step || method !== 'POST');
  } catch (e) {
    return { ...none, text: e.message };
  }
}

// arrange spoils the surroundings of a trail: by an extension that servers may have, or, of its bucket, by S3.
async function arrange(run, step, region, symbols) {
  const body = JSON.stringify({ TrailName: fill(step.trail, symbols), Condition: step.arrange, Region: region });
  const answer = understood(await signed(run, 'POST', '/_conform/arrange', body, { region }), false);
  if (answer.status === 200 || run.index.codes.repeat.includes(answer.code)) return answer;
  const name = fill(step.bucket ?? '', symbols);
  let status = 0;
  if (step.arrange === 'bucket-missing') status = await bucket(run, 'DELETE', name);
  if (step.arrange === 'bucket-denied') status = await bucket(run, 'PUT', `${name}?policy`, policy(name, 'Deny'));
  return [200, 204].includes(status) ? { ...answer, kind: 'success', status } : undefined;
}

// answers says what keeps the server from answering anything, or nothing.
async function answers(run) {
  try {
    await signed(run, 'POST', '/', '{}', { region: run.symbols.region, target: `${PREFIXES.short}DescribeTrails` });
  } catch (e) {
    return `${run.url}: ${e.message}`;
  }
}

// fill puts what symbols stand for in the place of ${…}.
function fill(value, symbols) {
  if (typeof value === 'string') return value.replace(/\$\{([a-z0-9-]+)\}/g, (whole, name) => symbols[name] ?? whole);
  if (Array.isArray(value)) return value.map((v) => fill(v, symbols));
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [fill(k, symbols), fill(v, symbols)]));
  return value;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const sent = (step, symbols) => ('raw' in step ? fill(step.raw, symbols) : JSON.stringify(fill(step.body ?? {}, symbols)));
const freshTag = () => randomBytes(4).toString('hex');

// understood reads an answer. Of a malformed request any status below 500 will do.
function understood({ status, headers, data }, malformed) {
  const text = `${status} ${data}`;
  let parsed;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data));
  } catch {} // then it is no JSON
  const isBody = isObject(parsed);
  const answer = { kind: 'none', status, code: '', spelt: false, body: isBody ? parsed : {}, text };
  if (malformed) return { ...answer, kind: status < 500 ? 'other' : 'none' };
  let [place, code, message] = codeIn(answer.body);
  if (headers['x-amzn-errortype']) [place, code] = ['header', headers['x-amzn-errortype']];
  answer.code = code.split(':')[0].split('#').pop().trim(); // without a URI and a namespace
  answer.spelt = ['header', '__type', 'code'].includes(place);
  const error = answer.code && (place === 'header' || (place === '__type' ? !/(Response|Result|Output)$/.test(answer.code) : message));
  const ok = status >= 200 && status < 300;
  if (status === 501) Object.assign(answer, { kind: 'refused', code: '' });
  else if ((status >= 400 && status < 500 && (isBody || status === 404)) || (ok && isBody && error)) answer.kind = 'refused';
  else if (ok && (isBody || data.length === 0)) answer.kind = 'success';
  else if (ok && parsed !== undefined && parsed !== null) answer.kind = 'other';
  return answer;
}

// codeIn finds the code of an error: where it belongs, or where some servers put it. It returns the place, it, and if there is a message.
function codeIn(body) {
  const usual = ['__type', 'code'];
  const strange = [...usual, 'Code', 'errorCode', 'ErrorCode', 'errorType'];
  for (const [within, names] of [['', usual], ['Error', strange], ['error', strange], ['', strange]]) {
    const inner = within ? body[within] : body;
    const name = isObject(inner) && names.find((n) => typeof inner[n] === 'string' && inner[n]);
    if (!name) continue;
    const message = ['Message', 'message', 'errorMessage'].some((m) => typeof inner[m] === 'string');
    return [within ? `${within}.${name}` : name, inner[name], message];
  }
  return ['', '', false];
}

// --- judging ---------------------------------------------------------------------------------------------------------

// fits says if an answer is one that a pattern allows.
function fits(run, pattern, answer, symbols) {
  const { kind, status, code, body } = answer;
  const { codes } = run.index;
  const exact = pattern.form === 'exact';
  if (pattern.status && (status < pattern.status[0] || status > pattern.status[1])) return false;
  if (pattern.outcome === 'answer') return kind !== 'none';
  if (pattern.outcome === 'present') { // whatever the answer, the operation is there
    const absent = status === 501 || (status === 404 && !codes.listed.includes(code)) || codes.missing.includes(code);
    return kind === 'success' || (kind === 'refused' && !absent);
  }
  if (pattern.outcome === 'refused') {
    const right = (pattern.codes ?? [code]).some((c) => c === code || (!exact && ['', stem(c)].includes(stem(code))));
    return kind === 'refused' && right && (answer.spelt || !exact);
  }
  if (kind !== 'success' || (exact && status !== 200)) return false;
  return (!pattern.selectors || selectorsFit(pattern, body, exact)) &&
    Object.entries(pattern.members ?? {}).every(([name, of]) => memberFits(of, find(body, name)[1], symbols)) &&
    Object.entries(pattern.flags ?? {}).every(([path, flag]) => (deep(body, path) === true) === flag) &&
    Object.entries(pattern.logs ?? {}).every(([what, flag]) => logs(body).has(what) === flag);
}

// stem is what is left of a code without its ending and letter case.
const stem = (code) => code.toLowerCase().replace(/exception$/, '').replace(/error$/, '').replace(/fault$/, '');

// find finds a member by its name, or by letter case and underscores alone where that is missing. null is absent.
function find(body, name) {
  const alike = () => Object.keys(body).find((other) => other.replaceAll('_', '').toLowerCase() === name.toLowerCase());
  const spelt = Object.hasOwn(body, name) ? name : alike() ?? name;
  return [spelt, Object.hasOwn(body, spelt) ? body[spelt] : null];
}

// deep finds Trail.Name, which is the Name in Trail.
const deep = (body, path) => path.split('.').reduce((value, name) => (isObject(value) ? value[name] : undefined), body);

function memberFits(of, value, symbols) {
  const given = typeof value === 'string' && value !== '';
  return (of.given ?? given) === given && (!of.in?.length || !given || fill(of.in, symbols).includes(value));
}

// selectorsFit compares lists of selectors as sets. Without categories a type is on for Management; with none it may be left out.
function selectorsFit(pattern, body, exact) {
  const [spelt, value] = find(body, 'InsightSelectors');
  const names = [[spelt, 'InsightSelectors', value, Array.isArray(value)]];
  const got = [];
  for (const member of ['TrailARN', 'EventDataStoreArn', 'InsightsDestination']) {
    const [is, text] = find(body, member);
    names.push([is, member, text, typeof text === 'string']);
  }
  for (const item of Array.isArray(value) ? value : []) {
    const entry = isObject(item) ? item : {};
    const [kindIs, kind] = find(entry, 'InsightType');
    const [categoriesIs, given] = find(entry, 'EventCategories');
    names.push([kindIs, 'InsightType', kind, typeof kind === 'string'], [categoriesIs, 'EventCategories', given, Array.isArray(given)]);
    const categories = given ?? ['Management'];
    if (!['ApiCallRateInsight', 'ApiErrorRateInsight'].includes(kind) || !Array.isArray(categories)) return false;
    if (categories.some((c) => c !== 'Management' && c !== 'Data')) return false;
    got.push({ key: entryKey(kind, categories), repeats: new Set(categories).size < categories.length });
  }
  if (exact && names.some(([is, name, given, typed]) => given !== null && (is !== name || !typed))) return false;
  const keys = got.map((entry) => entry.key);
  const repeated = got.some((entry) => entry.repeats) || new Set(keys).size < keys.length;
  const may = pattern.selectors.map((s) => entryKey(s.InsightType, s.EventCategories));
  const due = pattern.selectors.filter((s) => s.EventCategories.length > 0).map((s) => entryKey(s.InsightType, s.EventCategories));
  return due.every((key) => keys.includes(key)) && keys.every((key) => may.includes(key)) && (!repeated || Boolean(pattern.repeats));
}

const entryKey = (kind, categories) => [kind, ...new Set([...categories].sort())].join(' ');

// logs adds up what the event selectors of an answer log.
function logs(body) {
  const found = new Set();
  let dataWrites = false;
  const add = (category, reads, writes) => {
    if (category === 'Management' && reads) found.add('read');
    if (category === 'Management' && writes) found.add('write');
    if (['Data', 'Insight'].includes(category)) found.add(category.toLowerCase());
    dataWrites ||= category === 'Data' && writes;
  };
  for (const selector of items(body.EventSelectors)) {
    const kind = selector.ReadWriteType;
    if (selector.IncludeManagementEvents !== false) add('Management', kind !== 'WriteOnly', kind !== 'ReadOnly');
    if (items(selector.DataResources).some((resource) => resource.Values?.length > 0)) add('Data', kind !== 'WriteOnly', kind !== 'ReadOnly');
  }
  for (const selector of items(body.AdvancedEventSelectors)) {
    const fields = Object.fromEntries(items(selector.FieldSelectors).filter((f) => f.Equals?.length > 0).map((f) => [f.Field, f.Equals[0]]));
    add(fields.eventCategory, fields.readOnly !== 'false', fields.readOnly !== 'true');
  }
  if (found.has('data') && !dataWrites) found.add('read-data-only');
  return found;
}

const items = (value) => (Array.isArray(value) ? value.filter(isObject) : []);

// A Run is one of a set against one server. What was found out is kept: a vector may need others, and a capability.
class Run {
  constructor() {
    this.index = read('index.json', 'conform/vectors-index/1');
    this.vectors = new Map(this.index.files.flatMap((name) => read(name, 'conform/vectors/1').vectors).map((v) => [v.id, v]));
    this.rules = new Map(this.index.rules.map((rule) => [rule.id, rule]));
    this.url = process.env.CONFORM_ENDPOINT;
    this.server = endpoint(this.url);
    this.key = process.env.CONFORM_ACCESS_KEY_ID || 'test';
    this.failOn = process.env.CONFORM_FAIL_ON || 'observed';
    if (!LEVELS.includes(this.failOn)) throw new Problem(`CONFORM_FAIL_ON is ${this.failOn}, which is none of ${LEVELS.join(', ')}`);
    this.known = this.readKnown(process.env.CONFORM_KNOWN);
    this.symbols = { region: 'us-east-1', away: 'eu-west-1', partition: 'aws', account: '123456789012' };
    Object.assign(this.symbols, { 'other-account': '210987654321', bucket: `conform-${freshTag()}` });
    this.verdicts = new Map(); // by vector
    this.capabilities = new Map(); // why it is missing, or nothing
    this.shown = new Map(); // verdicts of the vectors that were asked for
    this.problem = undefined;
  }

  readKnown(path) {
    if (!path) return new Set();
    let text;
    try {
      text = readFileSync(path, 'utf8');
    } catch (e) {
      throw new Problem(`CONFORM_KNOWN cannot be read: ${e.message}`);
    }
    const ids = text.split('\n').map((line) => line.split('#')[0].trim()).filter(Boolean);
    const strange = ids.filter((id) => !this.vectors.has(id) && !this.rules.has(id));
    if (strange.length) throw new Problem(`CONFORM_KNOWN has ${strange.join(', ')}: no vector and no rule of this set; take it out`);
    return new Set(ids);
  }

  async begin() {
    this.problem = await answers(this);
    if (this.problem) return;
    await makeBucket(this, this.symbols.bucket);
    const create = { operation: 'CreateTrail', body: { Name: 'learn-${tag}', S3BucketName: '${bucket}' }, allowed: [] };
    await this.play([create], (answer) => { // the account is that of the ARNs that the server makes
      const found = /^arn:([^:]+):cloudtrail:[^:]+:(\d{12}):/.exec(answer.body.TrailARN);
      if (found) [, this.symbols.partition, this.symbols.account] = found;
    });
  }

  end() {
    return bucket(this, 'DELETE', this.symbols.bucket);
  }

  // send sends the request of a step, again where the server says that it is too busy.
  async send(step, symbols) {
    const { codes } = this.index;
    let answer;
    for (let n = 0; n <= REPEATS; n++) {
      answer = await ask(this, step, symbols);
      if (!codes.repeat.includes(answer.code) && answer.status !== 429) break;
      if (n < REPEATS) await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** n));
    }
    if (codes.inconclusive.includes(answer.code) && !step.allowed.some((p) => p.codes?.includes(answer.code))) {
      this.problem = `${this.url} refuses the credentials: ${answer.code}. CONFORM_ACCESS_KEY_ID names another key`;
    }
    if (!answer.status) this.problem = await answers(this);
    return answer;
  }

  // answers sends a step, or those of its clients: one after another, each first in its turn, or all at once. It returns each
  // with its answer.
  async answers(at, step, symbols, atOnce, turn) {
    const sentBy = async (client, n) => {
      const out = [];
      for (const plain of client) {
        const label = step.clients ? `${at}, client ${n + 1}` : `${at}`;
        const ready = { ...plain, at, label, sent: request(plain, symbols), symbols };
        out.push([ready, await this.send(ready, symbols)]);
      }
      return out;
    };
    const clients = step.clients ?? [[step]];
    if (atOnce) return (await Promise.all(clients.map(sentBy))).flat();
    const out = [];
    for (let k = 0; k < clients.length; k++) {
      const n = (k + turn) % clients.length;
      out.push(...(await sentBy(clients[n], n)));
    }
    return out;
  }

  // play plays steps until each(answer, step) says something, which it returns, and deletes what they made.
  async play(steps, each, buckets = [], atOnce = false, turn = 0) {
    const tag = freshTag();
    const symbols = { ...this.symbols, tag: `t${tag.slice(1)}`, short: `t${tag.slice(1, 3)}` };
    const own = new Set([...buckets, ...steps.map((step) => step.bucket).filter(Boolean)].map((name) => fill(name, symbols)));
    const made = [];
    for (const name of own) await makeBucket(this, name);
    try {
      for (const [i, plain] of steps.entries()) {
        if (plain.if && (await this.missing(plain.if))) continue;
        for (const [step, answer] of await this.answers(i + 1, plain, symbols, atOnce, turn)) {
          const [region, body] = [fill(step.region ?? '${region}', symbols), fill(step.body ?? {}, symbols)];
          if (step.operation === 'CreateTrail' && ['success', 'none'].includes(answer.kind) && typeof body.Name === 'string') {
            made.unshift({ operation: 'DeleteTrail', body: { Name: body.Name }, region });
          }
          if (step.operation === 'CreateEventDataStore' && answer.kind === 'success') {
            made.unshift({ operation: 'DeleteEventDataStore', body: { EventDataStore: answer.body.EventDataStoreArn }, region });
          }
          const said = each(answer, step);
          if (said) return said;
          for (const [name, of] of Object.entries(step.save ?? {})) symbols[name] = String(answer.body[of]).split('/').pop();
        }
      }
    } finally {
      for (const step of this.problem ? [] : made) await ask(this, step, symbols);
      for (const name of this.problem ? [] : own) await bucket(this, 'DELETE', name);
    }
    return undefined;
  }

  // fit is the first pattern of a step that an answer fits.
  fit(answer, step) {
    return [...step.allowed, ...(step.others ?? [])].find((pattern) => fits(this, pattern, answer, step.symbols));
  }

  // goesOn says if an answer is right, and has what later steps need.
  goesOn(answer, step) {
    const pattern = this.fit(answer, step);
    return pattern && !pattern.ends && !pattern.belongs && Object.values(step.save ?? {}).every((of) => answer.body[of]);
  }

  // missing says why the server has not a capability, in one line, or nothing where it has it.
  async missing(capability) {
    if (!this.capabilities.has(capability)) {
      this.capabilities.set(capability, undefined);
      const of = this.index.capabilities[capability];
      let why;
      for (const probe of of.probes) {
        why = await this.play(probe, (answer, step) => (this.goesOn(answer, step) ? undefined : `${cut(step.sent, 60)}: ${cut(answer.text, 60)}`));
        if (!why) break;
      }
      this.capabilities.set(capability, why && `${capability}: ${of.why} (${why})`);
    }
    return this.capabilities.get(capability);
  }

  async verdict(vector) {
    if (!this.verdicts.has(vector.id)) this.verdicts.set(vector.id, await this.judge(vector));
    return this.verdicts.get(vector.id);
  }

  // judge finds a verdict. Its kind is passed, failed, blocked, not covered or ended; brief is one line, text all there is to say.
  async judge(vector) {
    for (const capability of vector.needs) {
      const why = await this.missing(capability);
      if (why) return { kind: 'not covered', brief: why };
    }
    for (const other of vector.requires) {
      const needed = await this.verdict(this.vectors.get(other));
      if (['failed', 'blocked'].includes(needed.kind)) return { kind: 'blocked', brief: `${other} is ${needed.kind}: ${needed.brief}` };
    }
    const played = [];
    const each = (answer, step) => {
      played.push(`  ${step.label}  ${cut(step.sent, 300)}`);
      const pattern = this.fit(answer, step);
      if (pattern?.ends) return { kind: 'ended', brief: pattern.ends };
      if (pattern?.belongs) return { kind: 'blocked', brief: `step ${step.at} breaks ${pattern.belongs}, whose own vectors judge that` };
      if (this.goesOn(answer, step)) {
        played.push(`${played.pop()}  → ${answer.status} ${answer.code}`.trimEnd());
        return undefined;
      }
      const may = step.allowed.map((p) => allowed(p, step.symbols)).join('\n  or       ');
      const text = [...played, `  allowed  ${may}`, `  came     ${cut(answer.text, 600)}`].join('\n');
      const crashed = answer.kind === 'none' && step.allowed[0].outcome !== 'answer'; // other vectors judge that
      const brief = `step ${step.at}, ${step.operation ?? 'arrange'}: ${cut(answer.text, 100)}`;
      return { kind: step.at === vector.steps.length && !crashed ? 'failed' : 'blocked', brief, text };
    };
    const once = async (atOnce, turn = 0) => {
      played.length = 0;
      return (await this.play(vector.steps, each, vector.buckets, atOnce, turn)) ?? { kind: 'passed', brief: '' };
    };
    if (!vector.times) return once(false);
    const wrong = (verdict) => ['failed', 'blocked'].includes(verdict.kind);
    for (let n = 0; n < vector.times; n++) { // first one after another: what is wrong then is no matter of calls that overlap
      const verdict = await once(false, n);
      if (wrong(verdict)) return { kind: 'blocked', brief: `one after another, too: ${verdict.brief}` };
    }
    const verdicts = [];
    for (let n = 0; n < vector.times; n++) {
      verdicts.push(await once(true));
      if (wrong(verdicts.at(-1)) || this.problem) return verdicts.at(-1);
    }
    return verdicts.find((verdict) => verdict.kind === 'passed') ?? verdicts.at(-1);
  }

  isKnown(vector) {
    return this.known.has(vector.id) || this.known.has(vector.rule);
  }

  isRed(vector, verdict) {
    return verdict.kind === 'failed' && !this.isKnown(vector) && LEVELS.indexOf(vector.level) <= LEVELS.indexOf(this.failOn);
  }

  kinds(...wanted) {
    return [...this.shown].filter(([, verdict]) => wanted.includes(verdict.kind)).map(([id]) => id);
  }

  // unearned says what keeps a run without a failure from meaning anything.
  unearned() {
    const lines = [];
    if (this.kinds('blocked').length && !this.kinds('failed').length) {
      lines.push(`blocked, though nothing failed: ${this.kinds('blocked').join(', ')}`);
    }
    const hidden = [...this.verdicts].filter(([id, verdict]) => !this.shown.has(id) && this.isRed(this.vectors.get(id), verdict)).map(([id]) => id);
    if (hidden.length) lines.push(`failed, and was played only since others need it: ${hidden.join(', ')}`);
    if (!this.shown.size) return ['no vector was asked for'];
    if (!this.kinds('passed', 'failed').length) {
      lines.push(['nothing was judged:', ...new Set([...this.shown.values()].map((verdict) => verdict.brief))].join('\n  '));
    }
    const ended = this.kinds('ended').length;
    const judged = this.kinds('passed', 'failed').length;
    if (this.shown.size === this.vectors.size && ended > judged && judged > 0) {
      lines.push(`${ended} of ${this.vectors.size} vectors ended before they judged anything`);
    }
    for (const rule of [...this.known].filter((id) => this.rules.has(id))) {
      const mine = [...this.vectors.values()].filter((v) => v.rule === rule).map((v) => this.shown.get(v.id)?.kind);
      if (!mine.includes(undefined) && mine.includes('passed') && !mine.includes('failed')) {
        lines.push(`stale: ${rule} is in CONFORM_KNOWN, and holds; take it out`);
      }
    }
    return lines;
  }

  summary() {
    const count = (ids) => ids.reduce((counts, id) => counts.set(id, (counts.get(id) ?? 0) + 1), new Map());
    const kinds = count([...this.shown.values()].map((verdict) => verdict.kind));
    const rules = count(this.kinds('failed').map((id) => this.vectors.get(id).rule));
    return [`${this.url}: ${[...kinds].sort().map(([kind, n]) => `${n} ${kind}`).join(', ')}`,
      ...[...rules].map(([id, n]) => `failed  ${id}  ${this.rules.get(id).level}  ${n} of ${this.rules.get(id).vectors}`)];
  }
}

// --- words -----------------------------------------------------------------------------------------------------------

function cut(text, limit) {
  const line = text.replace(/[\x00-\x1f\x7f]+/g, ' ');
  return line.length <= limit ? line : `${line.slice(0, limit)}…`;
}

function request(step, symbols) {
  if (step.arrange) return `arrange ${step.arrange} for ${fill(step.trail, symbols)}`;
  const words = [step.method, step.operation, step.region && `in ${fill(step.region, symbols)}`];
  return [...words, step.prefix === 'long' && '(long X-Amz-Target)', sent(step, symbols)].filter(Boolean).join(' ');
}

function allowed(pattern, symbols) {
  const words = [{ answer: 'any answer below 500', present: 'any answer of an operation that is there' }[pattern.outcome] ?? pattern.outcome];
  if (pattern.codes) words.push(`with ${pattern.codes.join(', ')}`);
  if (pattern.status) words.push(`and status ${pattern.status.join(' to ')}`);
  if (pattern.form === 'exact') words.push('spelt as listed');
  const selector = (s) => `${s.InsightType} ${JSON.stringify(s.EventCategories)}`;
  if (pattern.selectors) words.push(pattern.selectors.map(selector).join(' and ') || 'no selectors');
  for (const key of ['members', 'flags', 'logs']) if (pattern[key]) words.push(JSON.stringify(fill(pattern[key], symbols)));
  return words.join(' ');
}

function explained(run, vector, verdict) {
  const rule = run.rules.get(vector.rule);
  const pattern = `^${vector.id}$`;
  return `${vector.rule}: ${rule.statement}\n${vector.level}, by ${vector.source}. ${vector.comment}\n${verdict.text}\n` +
    `alone: CONFORM_ENDPOINT=${run.url} node --test --test-name-pattern='${pattern}' ${relative('', fileURLToPath(import.meta.url))}`;
}

// failure is an error that is shown without where in this file it was made.
function failure(text) {
  const e = new Error(text);
  e.stack = text;
  return e;
}

// --- node:test -------------------------------------------------------------------------------------------------------

let run;
try {
  run = new Run();
  await run.begin();
  if (run.problem) throw new Problem(run.problem);
  for (const vector of run.vectors.values()) test(vector.id, (t) => play(vector, t));
  after(() => run.problem ?? run.end());
  process.on('exit', () => {
    if (run.problem && told) return; // a test has failed with it
    const lines = run.problem ? [run.problem] : run.unearned();
    for (const line of [...(run.shown.size ? run.summary() : []), ...lines]) console.error(line);
    if (lines.length) process.exitCode = 1;
  });
} catch (e) {
  if (!(e instanceof Problem)) throw e;
  test('vectors', () => {
    throw failure(e.message);
  });
  process.on('exit', () => { // the test may not be among those that were asked for
    console.error(e.message);
    process.exitCode = 1;
  });
}

let told; // the problem that a test failed with

async function play(vector, t) {
  if (told) return t.skip(`not played: ${told}`);
  const verdict = await run.verdict(vector);
  if ((told = run.problem)) throw failure(told);
  run.shown.set(vector.id, verdict);
  if (verdict.kind === 'passed') {
    if (run.known.has(vector.id)) throw failure('stale: it is in CONFORM_KNOWN, and passes; take it out');
  } else if (verdict.kind !== 'failed') {
    t.skip(`${verdict.kind}: ${verdict.brief}`);
  } else {
    if (!run.isRed(vector, verdict)) t.todo(`${run.isKnown(vector) ? 'known' : vector.level}: ${verdict.brief}`);
    throw failure(explained(run, vector, verdict));
  }
}
