"""Plays the vectors of this folder against a server that claims to be CloudTrail, each as a test of its own.

    CONFORM_ENDPOINT=http://127.0.0.1:5000 python -m pytest test_vectors.py
    python -m pytest test_vectors.py -k put/replaces      only these; without an endpoint, moto is started in this process

CONFORM_ENDPOINT       the URL of the server; hosts of AWS are refused
CONFORM_FAIL_ON        documented, observed (the default) or inferred: rules below that level are played, and fail nothing
CONFORM_KNOWN          a file of vector ids and rule ids that are known to fail, one a line, with # comments
CONFORM_ACCESS_KEY_ID  what requests claim to be signed with (default: test); many emulators take 12 digits for the account

A vector passes, fails at its last step, is blocked (an earlier step went wrong, which is another vector's business), or
is skipped, since the server lacks what it needs, or takes an accepted way on which the vector says no more.
"""

import collections
import concurrent.futures
import http.client
import json
import logging
import os
import pathlib
import re
import secrets
import socket
import threading
import time
import urllib.parse

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 10  # seconds for an answer, from the connection to its last byte
REPEATS = 5  # of a request that was throttled
LARGEST = 1 << 20  # bytes of an answer that are read
LEVELS = ["documented", "observed", "inferred"]
PREFIXES = {"short": "CloudTrail_20131101.", "long": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."}


def read(name, schema):
    content, problem = {}, None
    try:
        content = json.loads((FOLDER / name).read_text("utf-8"))
    except (OSError, ValueError) as e:
        problem = f"{FOLDER / name} cannot be read: {e}"
    if problem:
        pytest.fail(problem, pytrace=False)
    if content.get("schema") != schema:
        pytest.fail(f"{FOLDER / name} is {content.get('schema')}, and this runner reads {schema}: take both from one set", pytrace=False)
    return content


INDEX = read("index.json", "conform/vectors-index/1")
VECTORS = {v["id"]: v for name in INDEX["files"] for v in read(name, "conform/vectors/1")["vectors"]}
RULES = {rule["id"]: rule for rule in INDEX["rules"]}

# --- the wire ---------------------------------------------------------------------------------------------------------

# An answer: kind is success, refused, other, or none (nothing came, or a crash). spelt: the code stands where codes belong.
Answer = collections.namedtuple("Answer", "kind status code spelt body text", defaults=("none", 0, "", False, {}, ""))


def endpoint(url):
    """Reads the URL of a server, and raises ValueError where nothing may or can be sent to it."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise ValueError("CONFORM_ENDPOINT is no URL; write one such as http://127.0.0.1:5000") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("CONFORM_ENDPOINT must not carry a user name or password")
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\x21-\x24\x26-\x7e]+", host) or parts.query or parts.fragment:
        raise ValueError("CONFORM_ENDPOINT is no URL of a server; write one such as http://127.0.0.1:5000")
    aws = r"(.*\.)?(aws|aws\.dev|aws\.amazon\.com|amazonaws-us-gov\.com|ic\.gov|sgov\.gov|adc-e\.uk|scloud)"
    if re.fullmatch(aws, host) or {"amazonaws", "amazonwebservices"} & set(host.split(".")):
        raise ValueError(f"{host} belongs to AWS; the vectors are for emulators")
    if re.match(r"169\.254\.|fe[89ab].*:|fd00:ec2:|::ffff:a9fe:", host):
        raise ValueError(f"{host} is a link-local address, where metadata of an instance may be served")
    return parts.scheme, host, port, parts.path.rstrip("/")


class Server:
    def __init__(self, url):
        self.url = url
        self.scheme, self.host, self.port, self.base = endpoint(url)
        self.key = os.environ.get("CONFORM_ACCESS_KEY_ID") or "test"

    def exchange(self, method, path, body=None, headers={}):
        """Sends a request and returns status, headers and body. Whatever goes wrong is an OSError or HTTPException."""
        kind = http.client.HTTPSConnection if self.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.host, self.port, timeout=TIMEOUT)
        late, deadline = threading.Event(), None
        try:
            connection.connect()
            wire = connection.sock  # which the connection itself may forget
            deadline = threading.Timer(TIMEOUT, lambda: (late.set(), wire.shutdown(socket.SHUT_RDWR)))
            deadline.daemon = True
            deadline.start()  # the timeout of a socket begins anew with each byte
            connection.request(method, self.base + path, body, {**headers, "Connection": "close"})
            response = connection.getresponse()
            data = response.read(LARGEST)
            if late.is_set():
                raise TimeoutError
            return response.status, response.headers, data
        except (OSError, http.client.HTTPException) as e:
            late_or_slow = late.is_set() or isinstance(e, (TimeoutError, socket.timeout))
            raise OSError(f"no answer within {TIMEOUT} s" if late_or_slow else f"no answer: {e or type(e).__name__}") from None
        finally:
            if deadline:
                deadline.cancel()
            connection.close()

    def signed(self, method, path, body, region, service="cloudtrail", target=None):
        """Sends a request of a Region. No secret is at hand: the signature is made up. What servers read is its scope."""
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{self.key}/{now[:8]}/{region}/{service}/aws4_request"
        signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Date": now, "Authorization": signature}
        return self.exchange(method, path, body.encode(), {**headers, "X-Amz-Target": target} if target else headers)

    def bucket(self, method, path, symbols, body=""):
        """Asks an S3 at the same endpoint, where there is one."""
        try:
            return self.signed(method, "/" + path, body, symbols["region"], "s3")[0]
        except OSError:
            return 0

    def ask(self, step, symbols):
        """Sends the request of a step once."""
        region = fill(step.get("region", "${region}"), symbols)
        try:
            if "arrange" in step:
                return self.arrange(step, region, symbols)
            target = PREFIXES[step.get("prefix", "short")] + step["operation"]
            method = step.get("method", "POST")
            status, headers, data = self.signed(method, "/", sent(step, symbols), region, target=target)
            return understood(status, headers, data, malformed="raw" in step or method != "POST")
        except OSError as e:
            return Answer(text=str(e))

    def arrange(self, step, region, symbols):
        """Spoils the surroundings of a trail: by an extension that servers may have, or, of its bucket, by S3."""
        body = compact({"TrailName": fill(step["trail"], symbols), "Condition": step["arrange"], "Region": region})
        answer = understood(*self.signed("POST", "/_conform/arrange", body, region), malformed=False)
        if answer.status == 200 or answer.code in INDEX["codes"]["repeat"]:
            return answer
        bucket, status = fill(step.get("bucket", ""), symbols), 0
        if step["arrange"] == "bucket-missing":
            status = self.bucket("DELETE", bucket, symbols)
        elif step["arrange"] == "bucket-denied":
            status = self.bucket("PUT", bucket + "?policy", symbols, policy(bucket, "Deny"))
        return Answer("success", 200) if status in (200, 204) else Answer(text="it cannot be brought about")


def policy(bucket, effect):
    """Is a bucket policy that lets CloudTrail write, or denies it."""
    of = {"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return compact({"Version": "2012-10-17", "Statement": [{"Effect": effect, **of}]})


def fill(value, symbols):
    """Puts what symbols stand for in the place of ${…}."""
    if isinstance(value, str):
        return re.sub(r"\$\{([a-z0-9-]+)\}", lambda m: symbols.get(m[1], m[0]), value)
    if isinstance(value, list):
        return [fill(v, symbols) for v in value]
    if isinstance(value, dict):
        return {fill(k, symbols): fill(v, symbols) for k, v in value.items()}
    return value


def sent(step, symbols):
    return fill(step["raw"], symbols) if "raw" in step else compact(fill(step.get("body", {}), symbols))


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def understood(status, headers, data, malformed):
    """Reads an answer. Of a malformed request any status below 500 will do."""
    text = f"{status} {data.decode(errors='replace')}"
    try:
        body = json.loads(data.decode(), parse_constant=int)  # NaN is no JSON
    except (ValueError, RecursionError):
        body = None
    if malformed:
        return Answer("other" if status < 500 else "none", status, text=text)
    place, code, message = code_in(body if isinstance(body, dict) else {})
    if headers.get("X-Amzn-ErrorType"):
        place, code = "header", headers["X-Amzn-ErrorType"]
    code = code.partition(":")[0].rpartition("#")[2].strip()  # without a URI and a namespace
    error = code and (place == "header" or (message if place != "__type" else not code.endswith(("Response", "Result", "Output"))))
    kind = "none"
    if status == 501:
        kind, code = "refused", ""
    elif 400 <= status < 500 and (isinstance(body, dict) or status == 404) or 200 <= status < 300 and isinstance(body, dict) and error:
        kind = "refused"
    elif 200 <= status < 300 and (isinstance(body, dict) or not data):
        kind = "success"
    elif 200 <= status < 300 and body is not None:
        kind = "other"
    return Answer(kind, status, code, place in ("header", "__type", "code"), body if isinstance(body, dict) else {}, text)


def code_in(body):
    """Finds the code of an error: where it belongs, or where some servers put it. Returns the place, it, and if there is a message."""
    usual, strange = ("__type", "code"), ("__type", "code", "Code", "errorCode", "ErrorCode", "errorType")
    for within, names in ((None, usual), ("Error", strange), ("error", strange), (None, strange)):
        inner = body if within is None else body.get(within)
        if isinstance(inner, dict):
            for name in names:
                if isinstance(inner.get(name), str) and inner[name]:
                    message = any(isinstance(inner.get(m), str) for m in ("Message", "message", "errorMessage"))
                    return name if within is None else f"{within}.{name}", inner[name], message
    return "", "", False


# --- judging ----------------------------------------------------------------------------------------------------------


def fits(pattern, answer, symbols):
    """Says if an answer is one that a pattern allows."""
    exact = pattern.get("form") == "exact"
    if "status" in pattern and not pattern["status"][0] <= answer.status <= pattern["status"][1]:
        return False
    if pattern["outcome"] == "answer":
        return answer.kind != "none"
    if pattern["outcome"] == "present":  # whatever the answer, the operation is there
        codes = INDEX["codes"]
        absent = answer.status == 501 or answer.status == 404 and answer.code not in codes["listed"] or answer.code in codes["missing"]
        return answer.kind == "success" or answer.kind == "refused" and not absent
    if pattern["outcome"] == "refused":
        right = [code for code in pattern.get("codes", [answer.code]) if answer.code == code or not exact and stem(answer.code) in ("", stem(code))]
        return answer.kind == "refused" and bool(right) and (answer.spelt or not exact)
    if answer.kind != "success" or exact and answer.status != 200:
        return False
    return (
        ("selectors" not in pattern or selectors_fit(pattern, answer.body, exact))
        and all(member_fits(of, find(answer.body, name)[1], symbols) for name, of in pattern.get("members", {}).items())
        and all((deep(answer.body, path) is True) == flag for path, flag in pattern.get("flags", {}).items())
        and all((kind in logs(answer.body)) == flag for kind, flag in pattern.get("logs", {}).items())
    )


def stem(code):
    """Is what is left of a code without its ending and letter case."""
    return re.sub("fault$", "", re.sub("error$", "", re.sub("exception$", "", code.lower())))


def find(body, name):
    """Finds a member by its name, or by letter case and underscores alone where that is missing. null is absent."""
    spelt = name if name in body else next((other for other in body if other.replace("_", "").lower() == name.lower()), name)
    return spelt, body.get(spelt)


def deep(body, path):
    """Finds Trail.Name, which is the Name in Trail."""
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def member_fits(of, value, symbols):
    given = isinstance(value, str) and value != ""
    return of.get("given", given) == given and (not of.get("in") or not given or value in fill(of["in"], symbols))


def selectors_fit(pattern, body, exact):
    """Compares lists of selectors as sets. Without categories a type is on for Management; with none it may be left out."""
    spelt, value = find(body, "InsightSelectors")
    got, names = [], [(spelt, "InsightSelectors", value, list)]
    for member in ("TrailARN", "EventDataStoreArn", "InsightsDestination"):
        names.append((*find(body, member)[:1], member, find(body, member)[1], str))
    for entry in value if isinstance(value, list) else []:
        entry = entry if isinstance(entry, dict) else {}
        (spelt, kind), (other, categories) = find(entry, "InsightType"), find(entry, "EventCategories")
        names += [(spelt, "InsightType", kind, str), (other, "EventCategories", categories, list)]
        categories = ["Management"] if categories is None else categories
        if kind not in ("ApiCallRateInsight", "ApiErrorRateInsight") or not isinstance(categories, list):
            return False
        if any(c not in ("Management", "Data") for c in categories):
            return False
        got.append((kind, tuple(sorted(categories))))
    if exact and any(value is not None and (spelt != name or not isinstance(value, kind)) for spelt, name, value, kind in names):
        return False
    repeated = len(set(got)) < len(got) or any(len(set(categories)) < len(categories) for _, categories in got)
    may = {(s["InsightType"], frozenset(s["EventCategories"])) for s in pattern["selectors"]}
    due, got = {entry for entry in may if entry[1]}, {(kind, frozenset(categories)) for kind, categories in got}
    return due <= got <= may and (not repeated or pattern.get("repeats", False))


def logs(body):
    """Adds up what the event selectors of an answer log."""
    found, data_writes = set(), False

    def add(category, reads, writes):
        nonlocal data_writes
        if category == "Management":
            found.update({"read"} if reads else (), {"write"} if writes else ())
        elif category in ("Data", "Insight"):
            found.add(category.lower())
            data_writes = data_writes or category == "Data" and writes

    for selector in items(body.get("EventSelectors")):
        kind = selector.get("ReadWriteType")
        if selector.get("IncludeManagementEvents") is not False:
            add("Management", kind != "WriteOnly", kind != "ReadOnly")
        if any(resource.get("Values") for resource in items(selector.get("DataResources"))):
            add("Data", kind != "WriteOnly", kind != "ReadOnly")
    for selector in items(body.get("AdvancedEventSelectors")):
        fields = {f.get("Field"): f["Equals"][0] for f in items(selector.get("FieldSelectors")) if f.get("Equals")}
        add(fields.get("eventCategory"), fields.get("readOnly") != "false", fields.get("readOnly") != "true")
    return found | ({"read-data-only"} if "data" in found and not data_writes else set())


def items(value):
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# kind: passed, failed, blocked, not covered, ended. brief is one line, text all there is to say.
Verdict = collections.namedtuple("Verdict", "kind brief text", defaults=("", ""))


class Run:
    """One run of a set against one server. What was found out is kept: a vector may need others, and a capability."""

    def __init__(self, url):
        self.server, self.verdicts, self.capabilities, self.problem = Server(url), {}, {}, None
        self.symbols = {"region": "us-east-1", "away": "eu-west-1", "partition": "aws", "account": "123456789012"}
        self.symbols.update({"other-account": "210987654321", "bucket": f"conform-{secrets.token_hex(4)}"})
        self.check()
        if not self.problem:
            self.make_bucket(self.symbols["bucket"])
            create = {"operation": "CreateTrail", "body": {"Name": "learn-${tag}", "S3BucketName": "${bucket}"}, "allowed": []}
            arn = self.play([create], lambda answer, _: str(answer.body.get("TrailARN")))
            found = re.match(r"arn:([^:]+):cloudtrail:[^:]+:(\d{12}):", arn)
            if found:  # the account is that of the ARNs that the server makes
                self.symbols["partition"], self.symbols["account"] = found.groups()

    def check(self):
        """Sees whether the server answers anything at all."""
        try:
            self.server.signed("POST", "/", "{}", self.symbols["region"], target=PREFIXES["short"] + "DescribeTrails")
        except OSError as e:
            self.problem = f"{self.server.url}: {e}"

    def make_bucket(self, name):
        self.server.bucket("PUT", name, self.symbols)
        self.server.bucket("PUT", name + "?policy", self.symbols, policy(name, "Allow"))

    def end(self):
        self.server.bucket("DELETE", self.symbols["bucket"], self.symbols)

    def send(self, step, symbols):
        """Sends the request of a step, again where the server says that it is too busy."""
        for wait in [*(0.1 * 2**n for n in range(REPEATS)), 0]:
            answer = self.server.ask(step, symbols)
            if not wait or answer.code not in INDEX["codes"]["repeat"] and answer.status != 429:
                break
            time.sleep(wait)
        if answer.code in INDEX["codes"]["inconclusive"] and not any(answer.code in p.get("codes", []) for p in step["allowed"]):
            self.problem = f"{self.server.url} refuses the credentials: {answer.code}. CONFORM_ACCESS_KEY_ID names another key"
        if not answer.status:
            self.check()
        return answer

    def answers(self, at, step, symbols, at_once, turn):
        """Sends a step, or those of its clients: one after another, each first in its turn, or all at once. Returns each with its answer."""

        def sent_by(client):
            return [(step, self.send(step, symbols)) for step in client]

        clients = [
            [{**s, "at": at, "label": f"{at}, client {n}" if "clients" in step else str(at), "sent": request(s, symbols), "symbols": symbols} for s in client]
            for n, client in enumerate(step.get("clients", [[step]]), 1)
        ]
        turn %= len(clients)
        clients = clients[turn:] + clients[:turn]
        if not at_once:
            return [pair for client in clients for pair in sent_by(client)]
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            return [pair for client in pool.map(sent_by, clients) for pair in client]

    def play(self, steps, each, buckets=(), at_once=False, turn=0):
        """Plays steps until each(answer, step) says something, which it returns, and deletes what they made."""
        tag, made = secrets.token_hex(4), []
        symbols = {**self.symbols, "tag": "t" + tag[1:], "short": "t" + tag[1:3]}
        buckets = sorted({fill(name, symbols) for name in [*buckets, *(step["bucket"] for step in steps if "bucket" in step)]})
        for name in buckets:
            self.make_bucket(name)
        try:
            for at, step in enumerate(steps, 1):
                if "if" in step and self.missing(step["if"]):
                    continue
                for sent_step, answer in self.answers(at, step, symbols, at_once, turn):
                    region, body = fill(sent_step.get("region", "${region}"), symbols), fill(sent_step.get("body", {}), symbols)
                    if sent_step.get("operation") == "CreateTrail" and answer.kind in ("success", "none") and isinstance(body.get("Name"), str):
                        made.append(("DeleteTrail", {"Name": body["Name"]}, region))
                    if sent_step.get("operation") == "CreateEventDataStore" and answer.kind == "success":
                        made.append(("DeleteEventDataStore", {"EventDataStore": answer.body.get("EventDataStoreArn")}, region))
                    said = each(answer, sent_step)
                    if said:
                        return said
                    for name, of in sent_step.get("save", {}).items():
                        symbols[name] = str(answer.body.get(of)).rpartition("/")[2]
        finally:
            if not self.problem:
                for operation, body, region in reversed(made):
                    self.server.ask({"operation": operation, "body": body, "region": region}, symbols)
                for name in buckets:
                    self.server.bucket("DELETE", name, symbols)
        return None

    def missing(self, capability):
        """Says why the server has not a capability, in one line; None where it has it."""
        if capability not in self.capabilities:
            self.capabilities[capability], of = None, INDEX["capabilities"][capability]
            for probe in of["probes"]:
                why = self.play(probe, lambda answer, step: None if goes_on(answer, step) else f"{cut(step['sent'], 60)}: {cut(answer.text, 60)}")
                if not why:
                    break
            self.capabilities[capability] = of["probes"] and why and f"{capability}: {of['why']} ({why})"
        return self.capabilities[capability]

    def verdict(self, vector):
        if vector["id"] not in self.verdicts:
            self.verdicts[vector["id"]] = self.judge(vector)
        return self.verdicts[vector["id"]]

    def judge(self, vector):
        for capability in vector["needs"]:
            if self.missing(capability):
                return Verdict("not covered", self.missing(capability))
        for other in vector["requires"]:
            needed = self.verdict(VECTORS[other])
            if needed.kind in ("failed", "blocked"):
                return Verdict("blocked", f"{other} is {needed.kind}: {needed.brief}")
        played = []

        def each(answer, step):
            played.append(f"  {step['label']}  {cut(step['sent'], 300)}")
            pattern = fit(answer, step)
            if pattern and "ends" in pattern:
                return Verdict("ended", pattern["ends"])
            if pattern and "belongs" in pattern:
                return Verdict("blocked", f"step {step['at']} breaks {pattern['belongs']}, whose own vectors judge that")
            if goes_on(answer, step):
                played[-1] += f"  → {answer.status} {answer.code}".rstrip()
                return None
            may = "\n  or       ".join(allowed(p, step["symbols"]) for p in step["allowed"])
            text = "\n".join([*played, f"  allowed  {may}", f"  came     {cut(answer.text, 600)}"])
            crashed = answer.kind == "none" and step["allowed"][0]["outcome"] != "answer"  # other vectors judge that
            brief = f"step {step['at']}, {step.get('operation') or 'arrange'}: {cut(answer.text, 100)}"
            return Verdict("failed" if step["at"] == len(vector["steps"]) and not crashed else "blocked", brief, text)

        def once(at_once, turn=0):
            played.clear()
            return self.play(vector["steps"], each, vector.get("buckets", []), at_once, turn) or Verdict("passed")

        times = vector.get("times", 0)
        if not times:
            return once(False)
        for n in range(times):  # first one after another: what is wrong then is no matter of calls that overlap
            verdict = once(False, n)
            if verdict.kind in ("failed", "blocked"):
                return Verdict("blocked", f"one after another, too: {verdict.brief}")
        verdicts = []
        for _ in range(times):
            verdicts.append(once(True))
            if verdicts[-1].kind in ("failed", "blocked") or self.problem:
                return verdicts[-1]
        return next((v for v in verdicts if v.kind == "passed"), verdicts[-1])


def fit(answer, step):
    """Is the first pattern of a step that an answer fits."""
    return next((pattern for pattern in step["allowed"] + step.get("others", []) if fits(pattern, answer, step["symbols"])), None)


def goes_on(answer, step):
    """Says if an answer is right, and has what later steps need."""
    pattern = fit(answer, step)
    there = all(answer.body.get(of) for of in step.get("save", {}).values())
    return pattern is not None and there and "ends" not in pattern and "belongs" not in pattern


# --- words ------------------------------------------------------------------------------------------------------------


def cut(text, limit):
    text = re.sub(r"[\x00-\x1f\x7f]+", " ", text)
    return text if len(text) <= limit else text[:limit] + "…"


def request(step, symbols):
    if "arrange" in step:
        return f"arrange {step['arrange']} for {fill(step['trail'], symbols)}"
    words = [step.get("method"), step["operation"], "region" in step and "in " + fill(step["region"], symbols)]
    return " ".join(filter(None, [*words, step.get("prefix") == "long" and "(long X-Amz-Target)", sent(step, symbols)]))


def allowed(pattern, symbols):
    words = [{"answer": "any answer below 500", "present": "any answer of an operation that is there"}.get(pattern["outcome"], pattern["outcome"])]
    words += ["with " + ", ".join(pattern["codes"])] if "codes" in pattern else []
    words += ["and status %d to %d" % tuple(pattern["status"])] if "status" in pattern else []
    words += ["spelt as listed"] if pattern.get("form") == "exact" else []
    if pattern.get("selectors") is not None:
        words.append(" and ".join(f"{s['InsightType']} {compact(s['EventCategories'])}" for s in pattern["selectors"]) or "no selectors")
    words += [compact(fill(pattern[key], symbols)) for key in ("members", "flags", "logs") if key in pattern]
    return " ".join(words)


def explained(vector, verdict, url):
    rule = RULES[vector["rule"]]
    alone = f"{os.path.relpath(__file__)}::test_vector[{vector['id']}]"
    setting = "" if url is None else f"CONFORM_ENDPOINT={url} "
    return (
        f"{vector['rule']}: {rule['statement']}\n{vector['level']}, by {vector['source']}. {vector['comment']}\n"
        f"{verdict.text}\nalone: {setting}python -m pytest '{alone}'"
    )


# --- pytest -----------------------------------------------------------------------------------------------------------


def known():
    """Reads the file of known failures."""
    if not os.environ.get("CONFORM_KNOWN"):
        return set()
    lines = pathlib.Path(os.environ["CONFORM_KNOWN"]).read_text("utf-8").splitlines()
    ids = {line.partition("#")[0].strip() for line in lines} - {""}
    strange = sorted(ids - VECTORS.keys() - RULES.keys())
    if strange:
        raise ValueError(f"CONFORM_KNOWN has {', '.join(strange)}: no vector and no rule of this set; take it out")
    return ids


class Session:
    """What is known of the run of pytest: it begins with the first vector, and is told at the end."""

    def __init__(self):
        self.run = self.moto = self.problem = self.told = None  # problem: why nothing can be played; told: what a test failed with
        self.url = os.environ.get("CONFORM_ENDPOINT")
        self.shown = {}
        try:
            self.known, self.fail_on = known(), os.environ.get("CONFORM_FAIL_ON") or "observed"
            if self.fail_on not in LEVELS:
                raise ValueError(f"CONFORM_FAIL_ON is {self.fail_on}, which is none of {', '.join(LEVELS)}")
            self.run = Run(self.url or self.start_moto())
        except (OSError, ValueError) as e:
            self.problem = str(e)

    def start_moto(self):
        try:
            from moto.server import ThreadedMotoServer
        except ImportError:
            text = "CONFORM_ENDPOINT is not set, and moto is not installed (pip install 'moto[server]')"
            if os.environ.get("CI"):
                raise ValueError(text) from None
            pytest.skip(text)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else each failure would list its requests again
        self.moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self.moto.start()
        return "http://%s:%d" % self.moto.get_host_and_port()

    def is_known(self, vector):
        return vector["id"] in self.known or vector["rule"] in self.known

    def is_red(self, vector, verdict):
        return verdict.kind == "failed" and not self.is_known(vector) and LEVELS.index(vector["level"]) <= LEVELS.index(self.fail_on)

    def kinds(self, *wanted):
        return [id for id, verdict in self.shown.items() if verdict.kind in wanted]

    def unearned(self):
        """Says what keeps a run without a failure from meaning anything."""
        if self.kinds("blocked") and not self.kinds("failed"):
            yield f"blocked, though nothing failed: {', '.join(self.kinds('blocked'))}"
        hidden = [id for id, verdict in self.run.verdicts.items() if id not in self.shown and self.is_red(VECTORS[id], verdict)]
        if hidden:
            yield f"failed, and was played only since others need it: {', '.join(hidden)}"
        if not self.kinds("passed", "failed"):
            yield "\n  ".join(["nothing was judged:", *sorted({verdict.brief for verdict in self.shown.values()})])
        if len(self.shown) == len(VECTORS) and len(self.kinds("ended")) > len(self.kinds("passed", "failed")) > 0:
            yield f"{len(self.kinds('ended'))} of {len(VECTORS)} vectors ended before they judged anything"
        for rule in sorted(self.known & RULES.keys()):
            mine = [v["id"] for v in VECTORS.values() if v["rule"] == rule]
            if all(id in self.shown for id in mine) and set(mine) & set(self.kinds("passed")) and not set(mine) & set(self.kinds("failed")):
                yield f"stale: {rule} is in CONFORM_KNOWN, and holds; take it out"

    def pytest_terminal_summary(self, terminalreporter):
        if self.run and self.shown:
            counts = collections.Counter(verdict.kind for verdict in self.shown.values())
            terminalreporter.section("vectors")
            terminalreporter.line(f"{self.run.server.url}: " + ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)))
            failed = collections.Counter(VECTORS[id]["rule"] for id in self.kinds("failed"))
            for rule, count in failed.items():
                terminalreporter.line(f"failed  {rule}  {RULES[rule]['level']}  {count} of {RULES[rule]['vectors']}")


@pytest.fixture(scope="session")
def session(request):
    it = Session()
    request.config.pluginmanager.register(it)
    yield it
    if it.run and not it.run.problem:
        it.run.end()
    if it.moto:
        it.moto.stop()
    unearned = list(it.unearned()) if it.run and it.shown else []
    if unearned:
        pytest.fail("\n".join(unearned), pytrace=False)


@pytest.mark.parametrize("id", VECTORS)
def test_vector(id, session):
    vector = VECTORS[id]
    if session.told:
        pytest.skip(f"not played: {session.told}")
    verdict = None if session.problem or session.run.problem else session.run.verdict(vector)
    session.told = session.problem or session.run.problem
    if session.told:
        pytest.fail(session.told, pytrace=False)
    session.shown[id] = verdict
    if verdict.kind == "passed":
        if id in session.known:
            pytest.fail("stale: it is in CONFORM_KNOWN, and passes; take it out", pytrace=False)
    elif verdict.kind != "failed":
        pytest.skip(f"{verdict.kind}: {verdict.brief}")
    elif session.is_red(vector, verdict):
        pytest.fail(explained(vector, verdict, session.url), pytrace=False)
    else:
        pytest.xfail(f"{'known' if session.is_known(vector) else vector['level']}: {verdict.brief}")
