"""PutInsightSelectors as a Hypothesis rule-based state machine.

Usage: state_machine.py URL SEED

The server behind URL lists the values to choose from under /alphabet, and says of each answer in a
header whether it is right, wrong, or beyond the budget. Each example has an account of its own, and so
starts with an empty server.
"""

import base64
import http.client
import itertools
import json
import os
import sys
import urllib.parse
import urllib.request

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

URL, SEED = sys.argv[1], int(sys.argv[2])
HOST = urllib.parse.urlsplit(URL).netloc
A = json.load(urllib.request.urlopen(URL + "/alphabet"))
MAX_TRAILS = 3
accounts = itertools.count(700_000_000_001)

names = st.sampled_from(A["names"])
selectors = st.sampled_from(A["selectors"])
bad_names = st.sampled_from(A["bad_names"])


class WrongAnswer(AssertionError):
    pass


class Connection:
    """Keeps one connection alive across examples."""

    def __init__(self):
        self.http = http.client.HTTPConnection(HOST)

    def exchange(self, account, method, target, body):
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": target,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/cloudtrail/aws4_request",
        }
        try:
            self.http.request(method, "/", body.replace(A["account"].encode(), account.encode()), headers)
            answer = self.http.getresponse()
            answer.read()
        except (http.client.HTTPException, ConnectionError):
            self.http.close()
            return "wrong"  # no answer
        return answer.getheader("X-Bench-Verdict")


connection = Connection()


class Trails(RuleBasedStateMachine):
    trails = Bundle("trails")

    def __init__(self):
        super().__init__()
        self.account = str(next(accounts))
        self.live = set()

    def exchange(self, method, target, body):
        verdict = connection.exchange(self.account, method, target, body)
        if verdict == "spent":
            os._exit(0)
        if verdict != "fits":
            raise WrongAnswer

    def send(self, operation, *parts):
        members = {}
        for part in parts:
            members.update(part)
        self.exchange("POST", A["prefix"] + operation, json.dumps(members).encode())

    def look(self, name):
        self.send("GetInsightSelectors", {"TrailName": name})

    def put_on(self, name, by_arn, selectors):
        given = A["arn"] + name if by_arn else name
        self.send("PutInsightSelectors", {"TrailName": given}, selectors)
        self.look(name)

    @precondition(lambda self: len(self.live) < MAX_TRAILS)
    @rule(target=trails, name=names)
    def create(self, name):
        if name in self.live:
            return multiple()
        self.send("CreateTrail", {"Name": name}, A["create"])
        self.live.add(name)
        self.send("StartLogging", {"Name": name})
        self.look(name)
        return name

    @rule(name=consumes(trails))
    def delete(self, name):
        self.send("DeleteTrail", {"Name": name})
        self.live.discard(name)
        self.look(name)

    @rule(name=trails)
    def start(self, name):
        self.send("StartLogging", {"Name": name})
        self.look(name)

    @rule(name=trails)
    def stop(self, name):
        self.send("StopLogging", {"Name": name})
        self.look(name)

    @rule(name=trails)
    def update(self, name):
        self.send("UpdateTrail", {"Name": name, "IncludeGlobalServiceEvents": True})
        self.look(name)

    @rule(name=trails, events=st.sampled_from(A["events"]))
    def log(self, name, events):
        self.send("PutEventSelectors", {"TrailName": name}, events)
        self.send("GetEventSelectors", {"TrailName": name})
        self.look(name)

    @rule(name=trails)
    def log_everything(self, name):
        self.send("PutEventSelectors", {"TrailName": name}, A["all_events"])
        self.look(name)

    @rule(name=trails, by_arn=st.booleans(), selectors=selectors)
    def put(self, name, by_arn, selectors):
        self.put_on(name, by_arn, selectors)

    @rule(name=trails, by_arn=st.booleans())
    def put_none(self, name, by_arn):
        self.put_on(name, by_arn, A["selectors"][0])

    @rule(name=trails, by_arn=st.booleans(), selectors=st.sampled_from(A["variants"]))
    def put_variant(self, name, by_arn, selectors):
        self.put_on(name, by_arn, selectors)

    @rule(name=names, by_arn=st.booleans(), selectors=selectors)
    def put_any(self, name, by_arn, selectors):
        self.put_on(name, by_arn, selectors)

    @rule(name=trails, by_arn=st.booleans(), selectors=st.sampled_from(A["bad_selectors"]))
    def put_bad_list(self, name, by_arn, selectors):
        self.put_on(name, by_arn, selectors)

    @rule(name=bad_names, selectors=selectors)
    def put_bad_name(self, name, selectors):
        self.send("PutInsightSelectors", name, selectors)

    @rule(name=trails, by_arn=st.booleans())
    def get(self, name, by_arn):
        self.send("GetInsightSelectors", {"TrailName": A["arn"] + name if by_arn else name})

    @rule(name=bad_names)
    def get_bad_name(self, name):
        self.send("GetInsightSelectors", name)

    @rule(name=trails, operation=st.sampled_from(["GetTrail", "GetTrailStatus", "GetEventSelectors"]))
    def read(self, name, operation):
        member = "TrailName" if operation == "GetEventSelectors" else "Name"
        self.send(operation, {member: name})

    @rule(whole=st.sampled_from(A["wholes"]))
    def whole(self, whole):
        self.exchange(whole["method"], whole["target"], base64.b64decode(whole["body"]))


# One assertion alone can fail, so that there is nothing to gain from looking for several bugs.
SETTINGS = settings(
    max_examples=1_000_000,  # the server ends it
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)

try:
    run_state_machine_as_test(seed(SEED)(Trails), settings=SETTINGS)
except (WrongAnswer, Flaky):
    pass  # the server knows
