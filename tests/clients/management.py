"""The calls that create and use other state machines, rules, topics and buckets in the sandbox."""

import json
import uuid

from backups import execution_by_event, message_about
from facts import equal, eventually, fact, holds, refused

ROLE = "arn:aws:iam::000000000000:role/holdfast-check"
# The suffix of the names of this run, so that runs on the same data do not collide.
RUN = uuid.uuid4().hex[:8]


def check(session):
    """Checks one service after the other."""
    identity(session)
    buckets(session)
    machine = state_machines(session)
    rules(session, machine)
    with fact("a deleted state machine does not exist"):
        session.states.delete_state_machine(stateMachineArn=machine)
        equal("its listing", machine in machine_arns(session), False)
        refused("StateMachineDoesNotExist", session.states.start_execution, stateMachineArn=machine, input="{}")
    topics(session)
    functions(session)
    unknown_calls(session)


def identity(session):
    with fact("STS returns the identity of the caller"):
        caller = session.client("sts").get_caller_identity()
        holds(caller["Account"].isdigit() and len(caller["Account"]) == 12, f"the account is {caller['Account']!r}")
        holds(f":{caller['Account']}:" in caller["Arn"], f"the ARN {caller['Arn']} is of another account")
    with fact("a request signed with a wrong secret is refused"):
        client = session.client("s3", aws_secret_access_key="not-the-secret")
        refused("SignatureDoesNotMatch", client.list_objects_v2, Bucket=session.source)


def buckets(session):
    bucket, s3 = f"holdfast-check-{RUN}", session.s3
    with fact("a bucket can be created, found and versioned"):
        where = {"LocationConstraint": session.ready["region"]}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        s3.head_bucket(Bucket=bucket)
        holds(bucket in [item["Name"] for item in s3.list_buckets()["Buckets"]], "list_buckets does not have it")
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        equal("its versioning", s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
    with fact("every version of an object is listed and readable, and a deletion adds a marker"):
        first = s3.put_object(Bucket=bucket, Key="a b", Body=b"one")["VersionId"]
        second = s3.put_object(Bucket=bucket, Key="a b", Body=b"two!")["VersionId"]
        marker = s3.delete_object(Bucket=bucket, Key="a b")
        equal("DeleteMarker", marker["DeleteMarker"], True)
        listed = s3.list_object_versions(Bucket=bucket)
        equal("the versions", [item["VersionId"] for item in listed["Versions"]], [second, first])
        equal("the markers", [item["VersionId"] for item in listed["DeleteMarkers"]], [marker["VersionId"]])
        equal("the first", s3.get_object(Bucket=bucket, Key="a b", VersionId=first)["Body"].read(), b"one")
        part = s3.get_object(Bucket=bucket, Key="a b", VersionId=second, Range="bytes=1-2")
        equal("a range", (part["Body"].read(), part["ContentRange"]), (b"wo", "bytes 1-2/4"))
        whole = s3.get_object(Bucket=bucket, Key="a b", VersionId=second, Range="bytes=2-1")
        equal("an invalid range", (whole["Body"].read(), "ContentRange" in whole), (b"two!", False))
        refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="a b")
    with fact("tags are kept, and S3 computes a checksum if the client sends none"):
        session.plain_s3.put_object(Bucket=bucket, Key="tagged", Body=b"123456789")
        tags = [{"Key": "k", "Value": "v w"}]
        s3.put_object_tagging(Bucket=bucket, Key="tagged", Tagging={"TagSet": tags})
        equal("the tags", s3.get_object_tagging(Bucket=bucket, Key="tagged")["TagSet"], tags)
        wanted = ["ETag", "Checksum", "ObjectSize", "StorageClass"]
        attributes = s3.get_object_attributes(Bucket=bucket, Key="tagged", ObjectAttributes=wanted)
        equal("the size", attributes["ObjectSize"], 9)
        # The check value of CRC-64/NVME, ae8b14860a799888, in Base64.
        equal("the CRC64NVME", attributes["Checksum"]["ChecksumCRC64NVME"], "rosUhgp5mIg=")
    with fact("an archived object is restored"):
        s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
        wanted = {"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}}
        answer = s3.restore_object(Bucket=bucket, Key="cold", RestoreRequest=wanted)
        equal("the status", answer["ResponseMetadata"]["HTTPStatusCode"], 202)
        equal("its progress", s3.head_object(Bucket=bucket, Key="cold")["Restore"], 'ongoing-request="true"')
    with fact("a write with If-None-Match to an existing key is refused"):
        refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="tagged", Body=b"x", IfNoneMatch="*")
    with fact("a bucket can be deleted after its last version"):
        refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket)
        listed = s3.list_object_versions(Bucket=bucket)
        for item in listed.get("Versions", []) + listed.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
        s3.delete_bucket(Bucket=bucket)
        refused("404", s3.head_bucket, Bucket=bucket)


def machine_arns(session):
    pages = session.states.get_paginator("list_state_machines").paginate()
    return [item["stateMachineArn"] for page in pages for item in page["stateMachines"]]


def definition(word):
    """A state machine with one Pass state, which greets the person in its input or its event."""
    who = "$states.input.who ? $states.input.who : $states.input.detail.who"
    greet = {"Type": "Pass", "Output": {"said": f"{{% '{word} ' & ({who}) %}}"}, "End": True}
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "Greet", "States": {"Greet": greet}})


def finished(session, arn):
    described = session.states.describe_execution(executionArn=arn)
    return described if described["status"] != "RUNNING" else None


def run(session, machine, who):
    started = session.states.start_execution(stateMachineArn=machine, input=json.dumps({"who": who}))
    arn = started["executionArn"]
    described = eventually("its end", 30, lambda: finished(session, arn))
    equal("its status", (described["status"], described.get("cause")), ("SUCCEEDED", None))
    return arn, json.loads(described["output"])["said"]


def state_machines(session):
    states = session.states
    with fact("a new state machine can be created and is listed"):
        name = f"greeter-{RUN}"
        created = states.create_state_machine(name=name, definition=definition("hello"), roleArn=ROLE)
        machine = created["stateMachineArn"]
        holds(machine in machine_arns(session), "list_state_machines does not have it")
        equal("its name", states.describe_state_machine(stateMachineArn=machine)["name"], name)
    with fact("it runs, and its history has every step"):
        arn, said = run(session, machine, "Ann")
        equal("its output", said, "hello Ann")
        events = states.get_execution_history(executionArn=arn)["events"]
        steps = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
        equal("its history", [event["type"] for event in events], steps)
    with fact("after an update it runs with the new definition"):
        states.update_state_machine(stateMachineArn=machine, definition=definition("goodbye"))
        equal("its output", run(session, machine, "Bob")[1], "goodbye Bob")
    with fact("an invalid definition is refused"):
        refused("InvalidDefinition", states.create_state_machine, name=f"x-{RUN}", definition="{}", roleArn=ROLE)
    return machine


def send(session, source, who):
    """Puts an event and returns its ID."""
    entry = {"Source": source, "DetailType": "Greeting", "Detail": json.dumps({"who": who})}
    answer = session.events.put_events(Entries=[entry])
    equal("FailedEntryCount", answer["FailedEntryCount"], 0)
    return answer["Entries"][0]["EventId"]


def greeting(session, machine, event_id):
    described = execution_by_event(session, machine, event_id)
    return json.loads(described["output"])["said"] if described else None


def rules(session, machine):
    events, rule, source = session.events, f"greetings-{RUN}", f"holdfast.check.{RUN}"
    pattern = json.dumps({"source": [source], "detail": {"who": [{"anything-but": "nobody"}]}})
    with fact("a rule with a state machine as its target can be created and is listed"):
        events.put_rule(Name=rule, EventPattern=pattern, Description="greets")
        target = {"Id": "greeter", "Arn": machine, "RoleArn": ROLE}
        equal("FailedEntryCount", events.put_targets(Rule=rule, Targets=[target])["FailedEntryCount"], 0)
        listed = events.list_rules(NamePrefix=rule)["Rules"]
        equal("the listing", [(item["Name"], item["State"]) for item in listed], [(rule, "ENABLED")])
        equal("the targets", events.list_targets_by_rule(Rule=rule)["Targets"], [target])
    with fact("a matching event starts the state machine"):
        event = send(session, source, "Cleo")
        said = eventually("the execution", 30, lambda: greeting(session, machine, event))
        equal("its output", said, "goodbye Cleo")
    with fact("an event that does not match, or arrives while the rule is disabled, starts nothing"):
        unwanted = [send(session, source, "nobody")]
        events.disable_rule(Name=rule)
        equal("its state", events.describe_rule(Name=rule)["State"], "DISABLED")
        unwanted.append(send(session, source, "Dora"))
        events.enable_rule(Name=rule)
        wanted = send(session, source, "Emil")
        eventually("the execution after it is enabled", 30, lambda: greeting(session, machine, wanted))
        for event in unwanted:
            equal("an execution for an unwanted event", greeting(session, machine, event), None)
    with fact("an invalid pattern is refused"):
        refused("InvalidEventPatternException", events.put_rule, Name=rule, EventPattern='{"source": "aws.s3"}')
    with fact("a rule can be deleted after its targets"):
        refused("ValidationException", events.delete_rule, Name=rule)
        events.remove_targets(Rule=rule, Ids=["greeter"])
        events.delete_rule(Name=rule)
        refused("ResourceNotFoundException", events.describe_rule, Name=rule)


def topics(session):
    sns, text = session.client("sns"), f"Message {RUN}: a+b & <c>\nüber 🎉"
    with fact("a topic can be created, subscribed to by email, and is listed"):
        topic = sns.create_topic(Name=f"check-{RUN}", Attributes={"DisplayName": "Check"})["TopicArn"]
        pages = sns.get_paginator("list_topics").paginate()
        holds(topic in [item["TopicArn"] for page in pages for item in page["Topics"]], "list_topics does not have it")
        policy = {"FilterPolicy": json.dumps({"kind": ["test"]})}
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="check@example.com", Attributes=policy)
        listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        equal("the endpoints", [item["Endpoint"] for item in listed], ["check@example.com"])
    with fact("a published message is in the outbox"):
        attributes = {"kind": {"DataType": "String", "StringValue": "test"}}
        sent = sns.publish(TopicArn=topic, Subject="Check", Message=text, MessageAttributes=attributes)
        found = message_about(session, text)
        holds(found, f"{session.ready['outboxDir']} does not have it")
        equal("the message id", found[0]["MessageId"], sent["MessageId"])
        mail = found[1].with_suffix(".eml").read_text(encoding="utf-8")
        holds("check@example.com" in mail, "the email is not to check@example.com")
    with fact("a deleted topic does not exist"):
        sns.delete_topic(TopicArn=topic)
        refused("NotFound", sns.publish, TopicArn=topic, Message="x")


def functions(session):
    functions = session.client("lambda")
    with fact("the six functions are listed"):
        pages = functions.get_paginator("list_functions").paginate()
        names = [item["FunctionName"] for page in pages for item in page["Functions"]]
        equal("their number", len(names), 6)
    name = next(name for name in names if "validate" in name.lower())
    with fact("a function can be described, and its timeout changed"):
        before = functions.get_function(FunctionName=name)["Configuration"]["Timeout"]
        changed = functions.update_function_configuration(FunctionName=name, Timeout=before + 1)
        equal("the answer", changed["Timeout"], before + 1)
        found = functions.get_function(FunctionName=name)["Configuration"]["Timeout"]
        equal("the timeout", found, before + 1)
        functions.update_function_configuration(FunctionName=name, Timeout=before)
    with fact("a function fails with Input.Invalid for an invalid event"):
        answer = functions.invoke(FunctionName=name, Payload=json.dumps({"event": {"detail": 7}}).encode())
        payload = json.loads(answer["Payload"].read())
        equal("the failure", (answer.get("FunctionError"), payload.get("errorType")), ("Unhandled", "Input.Invalid"))
    with fact("an unknown function is not found"):
        refused("ResourceNotFoundException", functions.get_function, FunctionName=f"none-{RUN}")


def unknown_calls(session):
    with fact("an unsupported call is refused"):
        refused("UnknownOperationException", session.states.list_activities)
        refused("UnknownOperationException", session.events.list_archives)
        refused("InvalidAction", session.client("sns").list_platform_applications)
